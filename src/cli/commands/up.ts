/** `sagebrush up`: runs the server in the foreground until it is told to stop. */
import { readConfig, type ConfigFlags } from "../../server/public.ts";
import { startServer } from "../../server/start-server.ts";
import { say } from "../language.ts";
import { printJson, type OutputOptions } from "../output.ts";

export async function up(flags: ConfigFlags, options: OutputOptions): Promise<void> {
  const config = readConfig(flags, process.env);
  const server = await startServer(config);
  if (options.json) {
    printJson({
      url: server.url,
      dataDirectory: config.dataDirectory,
      pid: process.pid,
      region: config.region,
      accountId: config.accountId,
    });
  } else {
    console.log(
      say(
        {
          en: 'Sagebrush answers on {url}\n  data directory  {directory}\n  account         {account}\n  point a terminal\'s AWS clients here:  eval "$(npx sagebrush env)"\n  stop with Ctrl+C',
          ko: 'Sagebrush 가 {url} 에서 응답합니다\n  데이터 디렉터리  {directory}\n  계정             {account}\n  터미널의 AWS 클라이언트를 연결하려면:  eval "$(npx sagebrush env)"\n  멈추려면 Ctrl+C',
        },
        { url: server.url, directory: config.dataDirectory, account: config.accountId },
      ),
    );
    if (config.auth === "off") {
      console.warn(
        say({
          en: "  signatures are NOT checked (--auth off): every program on this machine may do everything",
          ko: "  서명을 확인하지 않습니다 (--auth off). 이 컴퓨터의 모든 프로그램이 무엇이든 할 수 있습니다",
        }),
      );
    }
  }
  await new Promise<void>((resolve, reject) => {
    let stopping = false;
    const stop = () => {
      // A second Ctrl+C does not wait: the records are durable, and workloads go on by themselves.
      if (stopping) process.exit(130);
      stopping = true;
      server.close().then(resolve, reject);
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
