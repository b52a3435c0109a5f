/**
 * The import table of ARCHITECTURE.md as a test: who may import whom, no cycles, no `node:` in the engine.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = resolve(dirname(fileURLToPath(import.meta.url)), "../../src");

interface Rule {
  /** Folders this one may import, besides itself and `util`. A path like `algorithms/registry` allows that file only. */
  readonly may: readonly string[];
  readonly invariant: string;
}

const anything = [
  "authorization",
  "protocol",
  "resources",
  "storage",
  "compute",
  "engine",
  "algorithms",
  "jobs",
  "serving",
  "services",
  "util",
];

const table: Readonly<Record<string, Rule>> = {
  util: { may: [], invariant: "util knows nothing of us; it could be published alone." },
  protocol: { may: [], invariant: "protocol knows no service by name; a service is a description it was given." },
  authorization: {
    may: ["protocol"],
    invariant: "authorization evaluates policies; it knows no service and stores nothing.",
  },
  storage: { may: [], invariant: "storage knows no resource; it stores bytes and records." },
  compute: { may: [], invariant: "compute never sees an AWS type; all calls to a scheduler or runtime are here." },
  engine: {
    may: [],
    invariant: "engine knows no algorithm and (outside engine/node) no Node: it runs in a browser tab.",
  },
  algorithms: { may: ["engine"], invariant: "algorithms see directories and hyperparameters, never the server." },
  resources: {
    may: ["protocol", "storage"],
    invariant: "resources is the life all resources share; it knows no particular one.",
  },
  jobs: {
    may: ["compute", "storage", "resources", "algorithms/registry", "algorithms/algorithm"],
    invariant: "jobs hold the state machines of work; they see no HTTP and no service.",
  },
  serving: {
    may: ["compute", "storage", "resources", "jobs/ports", "algorithms/registry", "algorithms/algorithm"],
    invariant: "serving holds the inference contract; it sees no service.",
  },
  services: {
    may: [
      "protocol",
      "authorization",
      "storage",
      "resources",
      "jobs",
      "serving",
      "algorithms/registry",
      "algorithms/algorithm",
    ],
    invariant:
      "a service never imports another service: what it needs is an interface in its ports.ts, wired in server.",
  },
  server: { may: anything, invariant: "server is the composition root; only it says `new` to a backend." },
  proxy: { may: [], invariant: "the proxy moves requests and reads none; it knows no service." },
  cli: {
    may: ["protocol/client", "protocol/generated", "server", "proxy"],
    invariant: "the command line speaks the public API, like anyone else.",
  },
  studio: {
    may: ["protocol/client", "protocol/generated"],
    invariant: "the studio speaks the public API, like anyone else.",
  },
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !path.includes("/kernels/assembly/") ? [path] : [];
  });
}

function importsOf(file: string): { specifier: string; typeOnly: boolean }[] {
  const text = readFileSync(file, "utf8");
  const found: { specifier: string; typeOnly: boolean }[] = [];
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?[^;'"`]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
  for (const match of text.matchAll(pattern)) {
    found.push({ specifier: match[2] ?? match[3] ?? match[4], typeOnly: match[1] !== undefined });
  }
  return found;
}

const files = sources(src);
const isTest = (file: string) => /\.(test|contract)\.tsx?$/.test(file);
const relativeImports: Import[] = files.flatMap((file) =>
  importsOf(file)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, typeOnly }) => ({
      from: relative(src, file),
      to: relative(src, resolve(dirname(file), specifier)),
      typeOnly,
    })),
);

/** `services/s3` for a service, the first folder for all others. */
function room(path: string): string {
  const [first, second] = path.split("/");
  return first === "services" ? `${first}/${second}` : first;
}

test("every folder of src is in the import table", () => {
  const folders = readdirSync(src, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(folders.filter((folder) => !Object.hasOwn(table, folder))).toEqual([]);
});

test("imports follow the table", () => {
  const crossed = relativeImports
    // A test may use the real neighbours of what it tests.
    .filter(({ from }) => !isTest(from))
    .filter(({ from, to }) => room(from) !== room(to) && !to.startsWith("util/"))
    .filter(({ from, to }) => {
      const rule = table[from.split("/")[0]];
      const target = to.replace(/\.tsx?$/, "");
      if (from.startsWith("services/") && to.startsWith("services/")) return true;
      return !rule.may.some((allowed) => target === allowed || target.startsWith(`${allowed}/`));
    })
    .map(({ from, to }) => `${from} imports ${to}: ${table[from.split("/")[0]].invariant}`);
  expect(crossed).toEqual([]);
});

test("the engine and the browser client import nothing of Node", () => {
  const inBrowser = (file: string) =>
    (file.startsWith("engine/") && !file.startsWith("engine/node/")) || file.startsWith("protocol/client/");
  const crossed = files
    .map((file) => relative(src, file))
    .filter((file) => inBrowser(file) && !isTest(file))
    .flatMap((file) =>
      importsOf(join(src, file))
        .filter(({ specifier }) => specifier.startsWith("node:"))
        .map(({ specifier }) => `${file} imports ${specifier}: it must run in a browser tab`),
    );
  expect(crossed).toEqual([]);
});

test("imports have no cycles", () => {
  const graph = new Map<string, string[]>();
  for (const { from, to, typeOnly } of relativeImports) {
    if (!typeOnly && !isTest(from)) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: string[]) => {
    const at = trail.indexOf(file);
    if (at !== -1) {
      cycles.push([...trail.slice(at), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});
