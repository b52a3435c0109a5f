import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ServiceModel } from "../service-model.ts";
import { refreshServiceModels } from "./refresh.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "refresh-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (path: string, content: unknown, zip = false): void => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, zip ? gzipSync(JSON.stringify(content)) : JSON.stringify(content));
};
const ours = (name: string): string => readFileSync(join(folder, "ours", name), "utf8");
const refresh = (dryRun = false) =>
  refreshServiceModels({ botocore: join(folder, "checkout"), folder: join(folder, "ours"), dryRun });

const metadata = { apiVersion: "2020-01-01", endpointPrefix: "toy", protocol: "json", serviceId: "Toy" } as const;
const before: ServiceModel = {
  version: "2.0",
  metadata,
  operations: {
    Keep: {
      name: "Keep",
      http: { method: "POST", requestUri: "/" },
      input: { shape: "KeepRequest" },
      errors: [{ shape: "Gone" }],
    },
    Drop: { name: "Drop", http: { method: "POST", requestUri: "/" } },
  },
  shapes: {
    KeepRequest: {
      type: "structure",
      required: ["Name"],
      members: { Name: { shape: "Name" }, Old: { shape: "Name" } },
    },
    Name: { type: "string", max: 63, pattern: "[a-z]+" },
    Mode: { type: "string", enum: ["File", "Pipe"] },
    Gone: { type: "structure", exception: true, members: {} },
  },
};
// With texts wherever botocore has them, and a member that is called like them.
const after = {
  version: "2.0",
  metadata: { ...metadata, apiVersion: "2021-01-01" },
  documentation: "<p>A toy.</p>",
  examples: {},
  operations: {
    Keep: {
      name: "Keep",
      http: { method: "PUT", requestUri: "/" },
      input: { shape: "KeepRequest", documentation: "in" },
      documentation: "<p>Keeps.</p>",
    },
    Add: { name: "Add", http: { method: "POST", requestUri: "/" }, errors: [{ shape: "Name", documentation: "e" }] },
  },
  shapes: {
    KeepRequest: {
      type: "structure",
      required: ["Name", "New"],
      members: {
        Name: { shape: "Name", documentation: "the name" },
        New: { shape: "Mode" },
        documentation: { shape: "Name", documentation: "text" },
      },
      documentation: "request",
    },
    Name: { type: "string", max: 64, pattern: "[a-z]+", documentation: "name" },
    Mode: { type: "string", enum: ["File", "FastFile"] },
    Names: { type: "list", member: { shape: "Name", documentation: "one" }, documentation: "names" },
  },
};

test("the newest API version replaces ours without its texts, and every difference is told", () => {
  put("ours/toy.json", before);
  put("ours/toy.waiters.json", { version: 2, waiters: {} });
  put("checkout/botocore/data/toy/2020-01-01/service-2.json", before);
  put("checkout/botocore/data/toy/2021-01-01/service-2.json.gz", after, true);
  put("checkout/botocore/data/toy/2021-01-01/waiters-2.json", { version: 2, waiters: { Kept: { delay: 1 } } });
  put("checkout/botocore/data/other/2021-01-01/service-2.json", before);

  expect(refresh()).toEqual([
    {
      service: "toy",
      lines: [
        "+ operation Add",
        "- operation Drop",
        "~ Keep.method POST -> PUT",
        "~ Keep.errors Gone -> none",
        "+ shape Names",
        "- shape Gone",
        "~ KeepRequest.required Name -> Name, New",
        "+ member KeepRequest.New",
        "+ member KeepRequest.documentation",
        "- member KeepRequest.Old",
        "~ Name.max 63 -> 64",
        '+ value Mode "FastFile"',
        '- value Mode "Pipe"',
      ],
    },
  ]);
  expect(ours("toy.json")).toBe(
    '{"version":"2.0","metadata":{"apiVersion":"2021-01-01","endpointPrefix":"toy","protocol":"json","serviceId":"Toy"},' +
      '"operations":{"Keep":{"name":"Keep","http":{"method":"PUT","requestUri":"/"},"input":{"shape":"KeepRequest"}},' +
      '"Add":{"name":"Add","http":{"method":"POST","requestUri":"/"},"errors":[{"shape":"Name"}]}},' +
      '"shapes":{"KeepRequest":{"type":"structure","required":["Name","New"],"members":{"Name":{"shape":"Name"},"New":{"shape":"Mode"},"documentation":{"shape":"Name"}}},' +
      '"Name":{"type":"string","max":64,"pattern":"[a-z]+"},"Mode":{"type":"string","enum":["File","FastFile"]},"Names":{"type":"list","member":{"shape":"Name"}}}}',
  );
  expect(ours("toy.waiters.json")).toBe('{"version":2,"waiters":{"Kept":{"delay":1}}}');
  expect(readdirSync(join(folder, "ours")).sort()).toEqual(["toy.json", "toy.waiters.json"]);
  expect(refresh()).toEqual([]);
});

test("a dry run writes nothing", () => {
  put("ours/toy.json", before);
  put("checkout/data/toy/2021-01-01/service-2.json", after);
  const text = ours("toy.json");
  expect(refresh(true)).toHaveLength(1);
  expect(ours("toy.json")).toBe(text);
});

test("a service that botocore does not have stops the refresh before anything is written", () => {
  put("ours/a-toy.json", before);
  put("ours/toy.json", before);
  put("checkout/data/a-toy/2021-01-01/service-2.json", after);
  const text = ours("a-toy.json");
  expect(() => refresh()).toThrow("has no toy/<API version>/service-2.json");
  expect(ours("a-toy.json")).toBe(text);
});

test("a folder that is no checkout is refused", () => {
  put("ours/toy.json", before);
  expect(() => refresh()).toThrow("has neither botocore/data nor data: give the folder of a botocore checkout");
});
