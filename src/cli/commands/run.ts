/**
 * `sagebrush run -- <command>`: runs a program, whatever SDK it was written for, so that its AWS calls reach this server.
 *
 * New SDKs find it by AWS_ENDPOINT_URL, all others by a proxy on this machine that answers for `*.amazonaws.com`.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createQueryClient } from "../../protocol/client/index.ts";
import type { STSOperations } from "../../protocol/generated/sts.ts";
import type { IAMOperations } from "../../protocol/generated/iam.ts";
import { CertificateAuthority } from "../../proxy/certificate-authority.ts";
import { proxyEnvironment, upstreamProxy } from "../../proxy/environment.ts";
import { credentialsPath, MetadataService, type SessionCredentials } from "../../proxy/metadata-service.ts";
import { startProxy } from "../../proxy/proxy-server.ts";
import type { HostCount, Traffic } from "../../proxy/traffic.ts";
import { writeTrustFiles } from "../../proxy/trust-files.ts";
import { requireServer, type Connection } from "../connection.ts";
import { CommandFailure, exitCodes } from "../failure.ts";
import { say } from "../language.ts";
import type { OutputOptions } from "../output.ts";
import { environmentOf } from "./env.ts";

export interface RunOptions extends OutputOptions {
  /** Name or ARN of the role that the program runs as; the root user unless given. */
  readonly role?: string;
  /** Print no summary at the end. */
  readonly quiet?: boolean;
}

const defaultRole = "SagebrushExecutionRole";
/** How a shell says that a command was not found, or could not be run. */
const notFound = 127;
const notRunnable = 126;
const forwardedSignals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export async function run(connection: Connection, command: readonly string[], options: RunOptions): Promise<void> {
  if (command.length === 0) {
    throw new CommandFailure(
      exitCodes.usage,
      say({
        en: "nothing to run; write the command behind two dashes: sagebrush run -- python notebook.py",
        ko: "실행할 명령이 없습니다. 대시 두 개 뒤에 쓰세요: sagebrush run -- python notebook.py",
      }),
    );
  }
  await requireServer(connection);
  const role = await findRole(connection, options.role ?? defaultRole);
  const authority = await CertificateAuthority.open(connection.dataDirectory);
  const metadata = new MetadataService({
    region: connection.region,
    accountId: connection.accountId,
    roleName: role.name,
    roleArn: role.arn,
    openSession: () => openSession(connection, role.arn),
  });
  const proxy = await startProxy({
    target: connection.url,
    authority,
    metadata,
    upstream: upstreamProxy(process.env),
  });
  try {
    const files = writeTrustFiles(connection.dataDirectory, authority, process.env);
    const environment = {
      ...process.env,
      ...withoutOtherCredentials,
      ...(options.role === undefined ? environmentOf(connection) : credentialsOfRole(connection, proxy.url, metadata)),
      AWS_ENDPOINT_URL: proxy.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `${proxy.url}/`,
      ...proxyEnvironment({ url: proxy.url, port: proxy.port, files }, process.env),
    };
    process.exitCode = await runToEnd(command, environment);
  } finally {
    await proxy.close();
    if (options.quiet !== true) summarize(proxy.traffic, connection.url, options);
  }
}

/** Whatever names another account, or a file that does. */
const withoutOtherCredentials = {
  AWS_PROFILE: undefined,
  AWS_DEFAULT_PROFILE: undefined,
  AWS_SESSION_TOKEN: undefined,
  AWS_SECURITY_TOKEN: undefined,
  AWS_ROLE_ARN: undefined,
  AWS_WEB_IDENTITY_TOKEN_FILE: undefined,
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: undefined,
};

/** No keys but the address of some, as in a container: SDKs fetch and renew them. */
function credentialsOfRole(connection: Connection, url: string, metadata: MetadataService) {
  const { AWS_ACCESS_KEY_ID: _key, AWS_SECRET_ACCESS_KEY: _secret, ...rest } = environmentOf(connection);
  return {
    ...rest,
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}${credentialsPath}`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: metadata.authorizationToken,
  };
}

async function findRole(connection: Connection, role: string): Promise<{ name: string; arn: string }> {
  const name = role.slice(role.lastIndexOf("/") + 1);
  const iam = createQueryClient<IAMOperations>({ ...clientOptions(connection), service: "iam" });
  try {
    const { Role } = await iam.call("GetRole", { RoleName: name });
    return { name: Role.RoleName, arn: Role.Arn };
  } catch (error) {
    throw new CommandFailure(
      exitCodes.notFound,
      say(
        {
          en: "there is no role {role}: {reason}; `aws iam list-roles` shows those there are",
          ko: "{role} 역할이 없습니다: {reason}. `aws iam list-roles` 로 확인하세요",
        },
        { role, reason: (error as Error).message },
      ),
      { cause: error },
    );
  }
}

async function openSession(connection: Connection, roleArn: string): Promise<SessionCredentials> {
  const sts = createQueryClient<STSOperations>({ ...clientOptions(connection), service: "sts" });
  const { Credentials } = await sts.call("AssumeRole", { RoleArn: roleArn, RoleSessionName: "sagebrush-run" });
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials!;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiresAt: Date.parse(Expiration),
  };
}

function clientOptions({ url, region, credentials }: Connection) {
  return { endpoint: url, region, credentials };
}

/** @returns the program's exit code, as a shell tells it */
async function runToEnd(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [file, ...words] = command;
  const child = spawn(file, words, { env, stdio: "inherit" });
  // The terminal sends its signals to both of us; the program decides what they mean.
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of forwardedSignals) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) =>
        reject(
          new CommandFailure(
            error.code === "ENOENT" ? notFound : notRunnable,
            say(
              { en: "{file} could not be run: {reason}", ko: "{file} 을(를) 실행할 수 없습니다: {reason}" },
              { file, reason: error.code === "ENOENT" ? "command not found" : error.message },
            ),
            { cause: error },
          ),
        ),
      );
      child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
    });
  } finally {
    for (const signal of forwardedSignals) process.off(signal, forward);
  }
}

/** On standard error: the program's output is its own. */
function summarize(traffic: Traffic, url: string, options: OutputOptions): void {
  const { redirected, passed } = traffic;
  if (options.json) {
    console.error(JSON.stringify({ sagebrush: url, redirected, passedThrough: passed }));
    return;
  }
  const sum = (counts: readonly HostCount[]) => counts.reduce((total, { count }) => total + count, 0);
  console.error(
    say(
      {
        en: "sagebrush: requests answered by {url}: {count}; none went to AWS",
        ko: "sagebrush: 요청 {count}건을 {url} 가 처리했고 AWS 로 나간 요청은 없습니다",
      },
      { count: sum(redirected), url },
    ),
  );
  for (const { host, count } of redirected) console.error(`  ${String(count).padStart(7)}  ${host}`);
  if (passed.length === 0) return;
  console.error(
    say(
      {
        en: "sagebrush: connections passed through untouched to other hosts: {count}",
        ko: "sagebrush: 다른 호스트로 가는 연결 {count}건은 그대로 통과시켰습니다",
      },
      { count: sum(passed) },
    ),
  );
  for (const { host, count } of passed) console.error(`  ${String(count).padStart(7)}  ${host}`);
}
