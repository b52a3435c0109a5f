#!/usr/bin/env node
// Runs bench/*.bench.mjs one after the other, or those whose name contains an argument: `npm run bench -- xgboost`.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "bench");
const wanted = process.argv.slice(2);
const benches = readdirSync(folder).filter(
  (file) => file.endsWith(".bench.mjs") && (wanted.length === 0 || wanted.some((word) => file.includes(word))),
);
if (benches.length === 0) {
  console.error(
    `no bench matches ${wanted.join(", ")}; there are: ${readdirSync(folder)
      .filter((f) => f.endsWith(".bench.mjs"))
      .join(", ")}`,
  );
  process.exit(2);
}
let failed = 0;
for (const file of benches) {
  console.log(`\n# ${file}`);
  const { status } = spawnSync(process.execPath, [join(folder, file)], { stdio: "inherit" });
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
