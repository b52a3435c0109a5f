/**
 * The independent judges as part of `npm test`: boto3, the AWS CLI and the original XGBoost, where Python has them.
 * `.ci/run` installs them and runs pytest itself, for a count of its own.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** `SAGEBRUSH_TEST_PYTHON` (`none` for none), the judges' own environment, or the system's Python. */
function pythonWithClients(): string | undefined {
  const chosen = process.env["SAGEBRUSH_TEST_PYTHON"];
  if (chosen === "none") return undefined;
  const candidates = chosen === undefined ? [`${root}.venv/bin/python`, "python3"] : [chosen];
  return candidates.find(
    (python) =>
      (!python.includes("/") || existsSync(python)) &&
      spawnSync(python, ["-c", "import boto3, pytest, xgboost"]).status === 0,
  );
}

const python = pythonWithClients();
const reason = python === undefined ? " (skipped: no Python has tests/conformance/requirements.txt installed)" : "";

test.skipIf(python === undefined)(
  `boto3, the AWS CLI and the original XGBoost agree with the server${reason}`,
  { timeout: 400_000 },
  () => {
    // The AWS CLI lies beside the Python that has it.
    const path = python!.includes("/") ? `${dirname(python!)}${delimiter}${process.env["PATH"]}` : process.env["PATH"];
    const { status, stdout, stderr } = spawnSync(python!, ["-m", "pytest", "-q", "-x", "tests/conformance"], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, PATH: path },
    });
    expect(status, `${stdout.slice(-4000)}${stderr}`).toBe(0);
  },
);
