/** Rewrites docs/coverage.md from the handlers of a server that is built and thrown away. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readConfig } from "./config.ts";
import { coveragePage } from "./coverage.ts";
import { startServer } from "./start-server.ts";

const directory = mkdtempSync(join(tmpdir(), "sagebrush-coverage-"));
const server = await startServer(readConfig({ dataDir: directory, port: "0" }, {}));
try {
  const page = fileURLToPath(new URL("../../docs/coverage.md", import.meta.url));
  writeFileSync(page, coveragePage(server.services));
  console.log("generated docs/coverage.md");
} finally {
  await server.close();
  rmSync(directory, { recursive: true });
}
