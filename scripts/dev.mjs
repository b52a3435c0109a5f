#!/usr/bin/env node
// Server with reload: the compiler watches the sources, Node watches what it writes.
import { spawn } from "node:child_process";

const children = [
  spawn("npx", ["--no-install", "tsc", "-p", "tsconfig.build.json", "--watch", "--preserveWatchOutput"], {
    stdio: "inherit",
  }),
  spawn(process.execPath, ["--watch", "--watch-preserve-output", "dist/cli/main.js", "up", ...process.argv.slice(2)], {
    stdio: "inherit",
  }),
];
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}
for (const child of children) {
  child.on("exit", (code) => {
    for (const other of children) if (other !== child) other.kill("SIGTERM");
    process.exitCode = code ?? 1;
  });
}
