import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { ServiceModel } from "../service-model.ts";
import { generateAll, readDescriptions, typedDescriptions } from "./generate.ts";
import { generateServiceIndex } from "./service-index.ts";

const protocol = fileURLToPath(new URL("..", import.meta.url));
const generated = join(protocol, "generated");

test("the committed files are what `npm run generate` writes today", () => {
  const files = generateAll(readDescriptions(join(protocol, "service-models")));
  expect(readdirSync(generated).sort()).toEqual([...files.keys()].sort());
  for (const [file, text] of files) {
    expect(readFileSync(join(generated, file), "utf8") === text, `${file} is stale: run npm run generate`).toBe(true);
  }
});

test("a typed description that is missing is named", () => {
  expect(() => generateAll(new Map())).toThrow(`there is no service description ${typedDescriptions[0]}.json`);
});

test("the index holds what identifies a service, and falls back to the one protocol of old descriptions", () => {
  const model: ServiceModel = {
    version: "2.0",
    metadata: {
      apiVersion: "2018-11-29",
      endpointPrefix: "gateway",
      protocol: "rest-json",
      serviceId: "Gate Way",
      signatureVersion: "v4",
    },
    operations: {},
    shapes: {},
  };
  const text = generateServiceIndex(new Map([["gate-way", model]]));
  expect(text).toContain(
    '  "gate-way": {\n    endpointPrefix: "gateway",\n    protocols: ["rest-json"],\n    apiVersion: "2018-11-29",\n    serviceId: "Gate Way",\n  },\n',
  );
  expect(text).not.toContain("signatureVersion");
});
