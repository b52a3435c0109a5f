#!/usr/bin/env node
// Takes over newer service descriptions from a botocore checkout, and prints what changed.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const compiled = join(root, "dist", "protocol", "codegen", "refresh.js");
const paths = process.argv.slice(2).filter((argument) => argument !== "--dry-run");
const dryRun = process.argv.includes("--dry-run");

if (paths.length !== 1 || paths[0].startsWith("-")) {
  console.error("usage: node scripts/refresh-service-models.mjs <botocore checkout> [--dry-run]");
  process.exit(2);
}
if (!existsSync(compiled)) {
  console.error("refresh: dist/ is missing; run npm run build first");
  process.exit(1);
}

const { refreshServiceModels } = await import(compiled);
try {
  const drift = refreshServiceModels({
    botocore: paths[0],
    folder: join(root, "src", "protocol", "service-models"),
    dryRun,
  });
  for (const { service, lines } of drift) {
    console.log(`${service} (${lines.length} differences)`);
    for (const line of lines) console.log(`  ${line}`);
  }
  if (drift.length === 0) console.log("nothing changed");
  else console.log(dryRun ? "nothing was written (--dry-run)" : "now run npm run generate, then the tests");
} catch (error) {
  console.error(`refresh: ${error.message}`);
  process.exit(1);
}
