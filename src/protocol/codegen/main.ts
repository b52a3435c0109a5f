/** `npm run generate`: rewrites src/protocol/generated/ from the service descriptions. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServiceModel } from "../service-model.ts";
import { generateTypes } from "./types.ts";

/** Descriptions that have handlers, and so types. A new service adds its name here. */
export const typedDescriptions = ["sagemaker", "sagemaker-runtime", "s3", "sts", "iam", "logs"] as const;

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

for (const description of typedDescriptions) {
  const source = join(root, "src", "protocol", "service-models", `${description}.json`);
  const model = JSON.parse(readFileSync(source, "utf8")) as ServiceModel;
  const target = join(root, "src", "protocol", "generated", `${description}.ts`);
  writeFileSync(target, generateTypes(description, model));
  console.log(`generated ${description}.ts`);
}
