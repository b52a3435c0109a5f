/** Everything that is generated from the service descriptions, in memory. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceModel } from "../service-model.ts";
import { generateServiceIndex } from "./service-index.ts";
import { generateTypes } from "./types.ts";

/** Descriptions that have handlers, and so types. A new service adds its name here. */
export const typedDescriptions = [
  "sagemaker",
  "sagemaker-runtime",
  "s3",
  "sts",
  "iam",
  "logs",
  "cloudwatch",
  "sns",
  "sqs",
  "resourcegroupstaggingapi",
] as const;

/** The descriptions in a folder by name, in alphabetical order; waiters are not descriptions. */
export function readDescriptions(folder: string): Map<string, ServiceModel> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".json") && !file.endsWith(".waiters.json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();
  return new Map(
    names.map((name) => [name, JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as ServiceModel]),
  );
}

/** The files of `generated/`: text by file name. */
export function generateAll(models: ReadonlyMap<string, ServiceModel>): Map<string, string> {
  const files = new Map<string, string>();
  for (const description of typedDescriptions) {
    const model = models.get(description);
    if (model === undefined)
      throw new Error(`there is no service description ${description}.json to generate types from`);
    files.set(`${description}.ts`, generateTypes(description, model));
  }
  files.set("service-index.ts", generateServiceIndex(models));
  return files;
}
