#!/usr/bin/env node
// Builds dist/: compiles TypeScript, compiles the AssemblyScript kernels, copies the service descriptions.
// `--if-stale` does nothing when dist/ is newer than every source, which keeps `npm start` quick.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
  chmodSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const src = join(root, "src");
const dist = join(root, "dist");
const stamp = join(dist, ".built");

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

function run(file, args) {
  const result = spawnSync(process.execPath, [join(root, "node_modules", file), ...args], {
    cwd: root,
    stdio: "inherit",
  });
  if (result.status !== 0) {
    console.error(`build: ${basename(file)} failed with exit code ${result.status ?? result.signal}`);
    process.exitCode = 1;
  }
}

const configured = Math.max(
  ...["package-lock.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"].map(
    (file) => statSync(join(root, file)).mtimeMs,
  ),
);
if (process.argv.includes("--if-stale") && existsSync(stamp)) {
  if (Math.max(newest(src), configured) <= statSync(stamp).mtimeMs) process.exit(0);
}
if (!existsSync(join(root, "node_modules", "typescript"))) {
  // An install without devDependencies runs what was built before.
  console.log(
    `build: skipped, the compiler is not installed${existsSync(dist) ? "" : "; dist/ is missing, run npm ci first"}`,
  );
  process.exit(existsSync(dist) ? 0 : 1);
}
const startedAt = new Date();
mkdirSync(dist, { recursive: true });

const models = join(dist, "protocol", "service-models");
mkdirSync(models, { recursive: true });
for (const file of readdirSync(join(src, "protocol", "service-models"))) {
  if (file.endsWith(".json")) copyFileSync(join(src, "protocol", "service-models", file), join(models, file));
}

run("typescript/bin/tsc", ["-p", "tsconfig.build.json"]);

// Each file in kernels/assembly without a leading underscore is one WebAssembly module.
const assembly = join(src, "engine", "kernels", "assembly");
const kernels = join(dist, "engine", "kernels");
if (existsSync(assembly)) {
  mkdirSync(kernels, { recursive: true });
  const sourceTime = newest(assembly);
  for (const file of readdirSync(assembly)) {
    if (!file.endsWith(".ts") || file.startsWith("_") || file.endsWith(".d.ts")) continue;
    const out = join(kernels, file.replace(/\.ts$/, ".wasm"));
    if (existsSync(out) && statSync(out).mtimeMs >= sourceTime) continue;
    run("assemblyscript/bin/asc.js", [
      join("src/engine/kernels/assembly", file),
      "--outFile",
      out,
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      "simd",
      "--enable",
      "threads",
      "--enable",
      "bulk-memory",
      "--importMemory",
      "--sharedMemory",
      "--initialMemory",
      "1",
      "--maximumMemory",
      "65536",
    ]);
  }
}

const command = join(dist, "cli", "main.js");
if (existsSync(command)) chmodSync(command, 0o755);
if (process.exitCode === undefined) {
  writeFileSync(stamp, "");
  utimesSync(stamp, startedAt, startedAt);
}
