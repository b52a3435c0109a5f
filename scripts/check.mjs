#!/usr/bin/env node
// Types, lint and format: everything that can be wrong without running a test.
import { spawnSync } from "node:child_process";

const steps = [
  { name: "types", command: ["tsc", "-p", "tsconfig.json"] },
  {
    name: "lint",
    command: ["oxlint", "--type-aware", "--deny-warnings", "--ignore-pattern", "**/*.mjs", "src", "tests"],
  },
  // Plain JavaScript has no types to be aware of.
  { name: "lint of scripts", command: ["oxlint", "--deny-warnings", "scripts", "bench", "examples", "tests/**/*.mjs"] },
  { name: "format", command: ["oxfmt", "--check", "src", "tests", "bench", "scripts", "examples", "vitest.config.ts"] },
];
let failed = 0;
for (const { name, command } of steps) {
  const started = Date.now();
  const { status } = spawnSync("npx", ["--no-install", ...command], { stdio: "inherit" });
  console.log(`check: ${name} ${status === 0 ? "ok" : "FAILED"} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
