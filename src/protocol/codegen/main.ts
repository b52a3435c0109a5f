/** `npm run generate`: rewrites src/protocol/generated/ from the service descriptions. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateAll, readDescriptions } from "./generate.ts";

const protocol = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "src", "protocol");

for (const [file, text] of generateAll(readDescriptions(join(protocol, "service-models")))) {
  writeFileSync(join(protocol, "generated", file), text);
  console.log(`generated ${file}`);
}
