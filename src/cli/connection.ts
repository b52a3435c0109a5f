/** How the command line reaches the server of a data directory. */
import { readConfig, readRootCredentials, readServerFile, type ConfigFlags } from "../server/public.ts";
import { CommandFailure, exitCodes } from "./failure.ts";
import { say } from "./language.ts";

export interface Connection {
  readonly dataDirectory: string;
  readonly url: string;
  readonly region: string;
  readonly accountId: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Process id of the server that announced itself; undefined when none has since the last orderly stop. */
  readonly pid: number | undefined;
  readonly startedAt: number | undefined;
}

/**
 * @param flags.account the root user of which account; of the server's own when absent
 * @throws CommandFailure when no server was ever started with this data directory, or never with this account
 */
export function connect(flags: ConfigFlags & { readonly account?: string }): Connection {
  const config = readConfig(flags, process.env);
  const { dataDirectory } = config;
  const root = readRootCredentials(dataDirectory);
  if (root === undefined) {
    throw new CommandFailure(
      exitCodes.noServer,
      say(
        {
          en: "no Sagebrush server was ever started with the data directory {directory}; start one with `npm start` (or `sagebrush up`)",
          ko: "데이터 디렉터리 {directory} 로 시작된 Sagebrush 서버가 없습니다. `npm start` (또는 `sagebrush up`) 로 시작하세요",
        },
        { directory: dataDirectory },
      ),
    );
  }
  const announced = readServerFile(dataDirectory);
  const own = announced?.accountId ?? config.accountId;
  const { account = own } = flags;
  return {
    dataDirectory,
    url: announced?.url ?? `http://${config.host}:${config.port}`,
    region: flags.region ?? process.env["SAGEBRUSH_REGION"] ?? announced?.region ?? config.region,
    accountId: account,
    credentials: account === own ? root : rootOfOther(dataDirectory, account),
    pid: announced?.pid,
    startedAt: announced?.startedAt,
  };
}

/** @throws CommandFailure */
function rootOfOther(directory: string, account: string): Connection["credentials"] {
  // The id becomes part of a file's name, so it is nothing but digits.
  if (!/^\d{12}$/.test(account)) {
    throw new CommandFailure(
      exitCodes.usage,
      say(
        {
          en: '--account must be twelve digits, got "{account}"',
          ko: '--account 는 12자리 숫자여야 합니다: "{account}"',
        },
        { account },
      ),
    );
  }
  const credentials = readRootCredentials(directory, account);
  if (credentials !== undefined) return credentials;
  throw new CommandFailure(
    exitCodes.notFound,
    say(
      {
        en: "the data directory {directory} has no account {account}; start the server with --other-accounts {account}",
        ko: "데이터 디렉터리 {directory} 에 계정 {account} 이 없습니다. --other-accounts {account} 로 서버를 시작하세요",
      },
      { directory, account },
    ),
  );
}

/** true when the server answers its health check. */
export async function answers(connection: Connection): Promise<boolean> {
  try {
    const response = await fetch(new URL("/_sagebrush/health", connection.url), { signal: AbortSignal.timeout(3000) });
    return response.ok;
  } catch {
    return false; // no answer is the answer
  }
}

export async function requireServer(connection: Connection): Promise<void> {
  if (await answers(connection)) return;
  throw new CommandFailure(
    exitCodes.noServer,
    say(
      {
        en: "no server answers at {url}; start it with `npm start` (or `sagebrush up --data-dir {directory}`)",
        ko: "{url} 에서 응답하는 서버가 없습니다. `npm start` (또는 `sagebrush up --data-dir {directory}`) 로 시작하세요",
      },
      { url: connection.url, directory: connection.dataDirectory },
    ),
  );
}
