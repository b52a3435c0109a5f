/** Reads service descriptions, each at most once, from `service-models/` beside this file (in src/ and in dist/ alike). */
import { readFileSync } from "node:fs";
import { CompiledService } from "./compiled-service.ts";
import type { ServiceModel } from "./service-model.ts";

const loaded = new Map<string, CompiledService>();

/**
 * The service of a description, e.g. `loadServiceModel("s3")`.
 *
 * The first call reads and parses the file (some 10 ms for SageMaker's 690 kB); nothing is compiled before it is used.
 *
 * @throws Error when there is no description of that name
 */
export function loadServiceModel(description: string): CompiledService {
  const known = loaded.get(description);
  if (known !== undefined) return known;
  // Descriptions are named by our code, never by a request; the check keeps it so.
  if (!/^[a-z0-9-]+$/.test(description)) throw new Error(`"${description}" is not the name of a service description`);
  const file = new URL(`./service-models/${description}.json`, import.meta.url);
  const service = new CompiledService(description, JSON.parse(readFileSync(file, "utf8")) as ServiceModel);
  loaded.set(description, service);
  return service;
}
