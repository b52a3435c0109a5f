import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The version of package.json, which lies two folders above both src/cli and dist/cli. */
export function version(): string {
  const file = fileURLToPath(new URL("../../package.json", import.meta.url));
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
