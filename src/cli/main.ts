#!/usr/bin/env node
/** The `sagebrush` command. Commands are loaded when called, so that `--help` and `env` answer at once. */
import { Command, CommanderError, Option } from "commander";
import { settings, type ConfigFlags } from "../server/config.ts";
import { CommandFailure, exitCodes } from "./failure.ts";
import { say, type Text } from "./language.ts";
import type { OutputOptions } from "./output.ts";
import { version } from "./version.ts";

type Flags = ConfigFlags & OutputOptions;

const program = new Command("sagebrush")
  .description(say({ en: "The SageMaker API on your own machine.", ko: "내 컴퓨터에서 돌아가는 SageMaker API." }))
  .version(version())
  .showHelpAfterError()
  .configureHelp({ sortSubcommands: false })
  // `run` hands on the options of the program it runs.
  .enablePositionalOptions()
  .exitOverride();

/** Every command takes the options that find a server, and --json. */
function command(name: string, text: Text, names: readonly (keyof typeof settings)[] = ["dataDir", "port"]): Command {
  const added = program.command(name).description(say(text));
  for (const setting of names) {
    const { option, text: about, variable } = settings[setting];
    added.addOption(new Option(option, `${about} [${variable}]`));
  }
  return added.option("--json", say({ en: "print JSON", ko: "JSON 으로 출력" }));
}

command(
  "up",
  { en: "run the server (what `npm start` does)", ko: "서버 실행 (`npm start` 와 같음)" },
  Object.keys(settings) as (keyof typeof settings)[],
).action(async (flags: Flags) => (await import("./commands/up.ts")).up(flags, flags));

command(
  "env",
  {
    en: "print shell exports for the server of the data directory",
    ko: "데이터 디렉터리의 서버를 쓰기 위한 셸 export 출력",
  },
  ["dataDir", "port", "region"],
)
  .option(
    "--account <id>",
    say({ en: "root user of another account of the server", ko: "서버의 다른 계정의 루트 사용자" }),
  )
  .action(async (flags: Flags & { account?: string }) =>
    (await import("./commands/env.ts")).env((await connection()).connect(flags), flags),
  );

command("configure", { en: "write an AWS profile named sagebrush", ko: "sagebrush 라는 이름의 AWS 프로필 작성" }, [
  "dataDir",
  "port",
  "region",
])
  .option("--profile <name>", say({ en: "name of the profile", ko: "프로필 이름" }), "sagebrush")
  .action(async (flags: Flags & { profile: string }) =>
    (await import("./commands/configure.ts")).configure((await connection()).connect(flags), flags),
  );

command("status", { en: "what the server is doing", ko: "서버가 하고 있는 일" }, ["dataDir", "port", "region"]).action(
  async (flags: Flags) => (await import("./commands/status.ts")).status((await connection()).connect(flags), flags),
);

command("logs", { en: "print the log of a training job", ko: "학습 작업의 로그 출력" }, ["dataDir", "port", "region"])
  .argument("<job>", say({ en: "name of the training job", ko: "학습 작업 이름" }))
  .option("-f, --follow", say({ en: "go on until the job ends", ko: "작업이 끝날 때까지 계속 출력" }))
  .action(async (job: string, flags: Flags & { follow?: boolean }) =>
    (await import("./commands/logs.ts")).logs((await connection()).connect(flags), job, flags),
  );

command(
  "run",
  {
    en: "run a program so that its AWS calls reach this server, whatever SDK it uses",
    ko: "어떤 SDK 를 쓰는 프로그램이든 AWS 호출이 이 서버로 오도록 실행",
  },
  ["dataDir", "port", "region"],
)
  .argument("<command...>", say({ en: "the program and its arguments, behind --", ko: "-- 뒤에 프로그램과 인자" }))
  .option("--role <name>", say({ en: "run as this role", ko: "이 역할로 실행" }))
  .option("-q, --quiet", say({ en: "print no summary", ko: "요약 출력 안 함" }))
  .passThroughOptions()
  .action(async (words: string[], flags: Flags & { role?: string; quiet?: boolean }) =>
    (await import("./commands/run.ts")).run((await connection()).connect(flags), words, flags),
  );

command("doctor", {
  en: "what is missing on this machine and what that costs",
  ko: "이 컴퓨터에 없는 것과 그 영향",
})
  .option(
    "--verify",
    say({ en: "read every stored object and compare its checksum", ko: "저장된 모든 객체를 읽어 체크섬과 비교" }),
  )
  .action(async (flags: Flags & { verify?: boolean }) =>
    flags.verify === true
      ? (await import("./commands/verify.ts")).verify(flags, flags)
      : (await import("./commands/doctor.ts")).doctor(flags, flags),
  );

command(
  "demo",
  {
    en: "train, deploy and invoke a model on generated data, on a server of its own",
    ko: "생성한 데이터로 학습, 배포, 호출을 보여 주는 데모 (별도 서버)",
  },
  [],
).action(async (flags: Flags) => (await import("./commands/demo.ts")).demo(flags));

function connection(): Promise<typeof import("./connection.ts")> {
  return import("./connection.ts");
}

// Whoever reads our output may have seen enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version are successes; everything else is a wrong command line that commander has explained.
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  } else {
    const failure = error as Error;
    const expected =
      failure instanceof CommandFailure ||
      ["ConfigError", "DataDirectoryBusy", "DataDirectoryUnusable", "PortUnavailable", "AwsClientError"].includes(
        failure.name,
      ) ||
      "code" in failure;
    const message = expected ? failure.message : (failure.stack ?? failure.message);
    if (process.argv.includes("--json")) console.error(JSON.stringify({ error: failure.message }));
    else console.error(`sagebrush: ${message}`);
    process.exitCode =
      failure instanceof CommandFailure
        ? failure.exitCode
        : failure.name === "ConfigError"
          ? exitCodes.usage
          : exitCodes.failed;
  }
}
