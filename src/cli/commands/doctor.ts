/** `sagebrush doctor`: what this machine has, what is missing, and what that costs. */
import { execFile } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { readConfig, readServerFile, type ConfigFlags } from "../../server/public.ts";
import { describeLimits } from "../../server/start-server.ts";
import { exitCodes } from "../failure.ts";
import { say, type Text } from "../language.ts";
import { printJson, table, type OutputOptions } from "../output.ts";

const run = promisify(execFile);

export interface Finding {
  readonly name: string;
  readonly status: "ok" | "missing" | "problem";
  /** What was found, e.g. a version. */
  readonly found: string;
  /** What its absence costs and what to do; empty when all is well. */
  readonly cost: string;
}

/** First match on PATH; nothing is run. */
export function which(program: string, path = process.env["PATH"] ?? ""): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

async function versionOf(program: string, args: readonly string[]): Promise<string | undefined> {
  if (which(program) === undefined) return undefined;
  try {
    const { stdout, stderr } = await run(program, args, { timeout: 5000 });
    return `${stdout}${stderr}`.trim().split("\n")[0];
  } catch (error) {
    return `found, but it does not run: ${(error as Error).message.split("\n")[0]}`;
  }
}

async function optional(name: string, program: string, args: readonly string[], cost: Text): Promise<Finding> {
  const version = await versionOf(program, args);
  return version === undefined
    ? { name, status: "missing", found: "-", cost: say(cost) }
    : { name, status: "ok", found: version, cost: "" };
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function nodeVersion(): Finding {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return {
    name: "node",
    status: enough ? "ok" : "problem",
    found: process.version,
    cost: enough
      ? ""
      : say({ en: "Sagebrush needs Node 20.19 or newer", ko: "Sagebrush 에는 Node 20.19 이상이 필요합니다" }),
  };
}

function dataDirectory(path: string): Finding {
  const name = "data directory";
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    return {
      name,
      status: "problem",
      found: path,
      cost: say(
        {
          en: "cannot be written: {reason}; choose another with --data-dir",
          ko: "쓸 수 없습니다: {reason}. --data-dir 로 다른 곳을 고르세요",
        },
        { reason: (error as Error).message },
      ),
    };
  }
  const { bavail, bsize } = statfsSync(path);
  const free = bavail * bsize;
  const low = free < 2 ** 30;
  return {
    name,
    status: low ? "problem" : "ok",
    found: `${path} (${gibibytes(free)} free)`,
    cost: low
      ? say({
          en: "less than 1 GiB is free: jobs and uploads will fail when it is full",
          ko: "남은 공간이 1 GiB 미만입니다. 가득 차면 작업과 업로드가 실패합니다",
        })
      : "",
  };
}

async function server(path: string): Promise<Finding> {
  const announced = readServerFile(path);
  const stopped: Finding = {
    name: "server",
    status: "missing",
    found: "-",
    cost: say({ en: "not running; start it with `npm start`", ko: "실행 중이 아닙니다. `npm start` 로 시작하세요" }),
  };
  if (announced === undefined) return stopped;
  try {
    const answer = await fetch(new URL("/_sagebrush/health", announced.url), { signal: AbortSignal.timeout(3000) });
    if (answer.ok)
      return { name: "server", status: "ok", found: `${announced.url} (process ${announced.pid})`, cost: "" };
  } catch {
    // it announced itself and is gone
  }
  return stopped;
}

function openFiles(): Finding {
  let limit: number | undefined;
  try {
    limit = Number(/Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
  } catch {
    limit = undefined; // no /proc on this system
  }
  const low = limit !== undefined && limit < 4096;
  return {
    name: "open files",
    status: low ? "problem" : "ok",
    found: limit === undefined ? "unknown" : String(limit),
    cost: low
      ? say({
          en: "many connections at once will be refused; raise it with `ulimit -n 8192`",
          ko: "동시 연결이 많으면 거절됩니다. `ulimit -n 8192` 로 늘리세요",
        })
      : "",
  };
}

export async function diagnose(flags: ConfigFlags): Promise<Finding[]> {
  const config = readConfig(flags, process.env);
  const memory = describeLimits(config.dataDirectory).find(({ limit }) => limit === "memoryBytes")!;
  return [
    nodeVersion(),
    {
      name: "cpu and memory",
      status: "ok",
      found: `${availableParallelism()} cores, ${gibibytes(totalmem())}`,
      cost: "",
    },
    dataDirectory(config.dataDirectory),
    await server(config.dataDirectory),
    openFiles(),
    {
      name: "memory limits",
      status: memory.enforced ? "ok" : "missing",
      found: memory.how,
      cost: memory.enforced
        ? ""
        : say({
            en: "a job can take all memory of this machine; install util-linux",
            ko: "작업 하나가 이 컴퓨터의 메모리를 모두 쓸 수 있습니다. util-linux 를 설치하세요",
          }),
    },
    // What this version does not use yet costs nothing; saying otherwise would send people to install it for nothing.
    await optional("bubblewrap", "bwrap", ["--version"], {
      en: "nothing in this version: only built-in algorithms run, without a file system of their own",
      ko: "이 버전에서는 없어도 됩니다. 내장 알고리즘만 실행되며, 격리된 파일 시스템을 쓰지 않습니다",
    }),
    await optional("podman", "podman", ["--version"], {
      en: "nothing in this version: container images of your own are refused by name",
      ko: "이 버전에서는 없어도 됩니다. 직접 만든 컨테이너 이미지는 이름을 들어 거절합니다",
    }),
    await optional("python3", "python3", ["--version"], {
      en: "the AWS CLI and boto3 cannot run here; Sagebrush itself does not need it",
      ko: "이 컴퓨터에서 AWS CLI 와 boto3 를 실행할 수 없습니다. Sagebrush 자체에는 필요 없습니다",
    }),
    await optional("gpu", "nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"], {
      en: "everything runs on the CPU",
      ko: "모든 작업이 CPU 에서 실행됩니다",
    }),
  ];
}

const mark = { ok: "ok", missing: "--", problem: "!!" } as const;

export async function doctor(flags: ConfigFlags, options: OutputOptions): Promise<void> {
  const findings = await diagnose(flags);
  if (options.json) printJson(findings);
  else console.log(table(findings.map(({ name, status, found, cost }) => [mark[status], name, found, cost])));
  if (findings.some(({ status }) => status === "problem")) process.exitCode = exitCodes.failed;
}
