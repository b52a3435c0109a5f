/**
 * What a server is told from outside: flags first, then the environment, then defaults.
 * The only module that knows the names of our environment variables.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export interface ServerConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Absolute path of the folder that holds everything. */
  readonly dataDirectory: string;
  /** `off` accepts unsigned requests of programs on this machine: for throw-away use only. */
  readonly auth: "on" | "off";
  /** Twelve digits. */
  readonly accountId: string;
  /** Further accounts that this server is, twelve digits each; each has a root key and a default role of its own. */
  readonly otherAccounts: readonly string[];
  /** The region that `env` prints and that unsigned requests get; signed requests name their own. */
  readonly region: string;
  /** Training jobs that run at the same time; the others wait their turn. */
  readonly maxConcurrentJobs: number | undefined;
  /** An S3 elsewhere that jobs and endpoints read from and write to, instead of this server's own. */
  readonly outsideS3: OutsideS3Config | undefined;
}

export interface OutsideS3Config {
  /** `http://` or `https://`, without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

export interface ConfigFlags {
  readonly host?: string;
  readonly port?: string;
  readonly dataDir?: string;
  readonly auth?: string;
  readonly accountId?: string;
  readonly otherAccounts?: string;
  readonly region?: string;
  readonly maxJobs?: string;
  readonly s3Endpoint?: string;
}

/** Port 7243 spells SAGE on a telephone keypad. */
export const defaultPort = 7243;

/** A flag or variable has a value that cannot be used. */
export class ConfigError extends Error {
  constructor(name: string, rule: string, value: string) {
    super(`${name} must be ${rule}, got "${value}"`);
    this.name = "ConfigError";
  }
}

interface Setting {
  readonly flag: keyof ConfigFlags;
  readonly option: string;
  readonly variable: string;
  readonly text: string;
  readonly fallback?: string;
}

/** One row per setting gives the flag, the variable and the help text. */
export const settings = {
  port: {
    flag: "port",
    option: "--port <number>",
    variable: "SAGEBRUSH_PORT",
    text: "port to listen on, 0 for any free one",
    fallback: String(defaultPort),
  },
  host: {
    flag: "host",
    option: "--host <address>",
    variable: "SAGEBRUSH_HOST",
    text: "loopback address to listen on",
    fallback: "127.0.0.1",
  },
  dataDir: {
    flag: "dataDir",
    option: "--data-dir <path>",
    variable: "SAGEBRUSH_DATA_DIR",
    text: "folder that holds everything (default ~/.sagebrush)",
  },
  auth: {
    flag: "auth",
    option: "--auth <on|off>",
    variable: "SAGEBRUSH_AUTH",
    text: "off accepts unsigned requests from this machine, for throw-away use",
    fallback: "on",
  },
  accountId: {
    flag: "accountId",
    option: "--account-id <digits>",
    variable: "SAGEBRUSH_ACCOUNT_ID",
    text: "twelve-digit account id",
    fallback: "000000000000",
  },
  otherAccounts: {
    flag: "otherAccounts",
    option: "--other-accounts <ids>",
    variable: "SAGEBRUSH_OTHER_ACCOUNTS",
    text: "further account ids, separated by commas",
  },
  region: {
    flag: "region",
    option: "--region <name>",
    variable: "SAGEBRUSH_REGION",
    text: "region that `sagebrush env` prints",
    fallback: "us-east-1",
  },
  maxJobs: {
    flag: "maxJobs",
    option: "--max-jobs <number>",
    variable: "SAGEBRUSH_MAX_JOBS",
    text: "jobs that run at the same time (default: one per core, at least 2)",
  },
  s3Endpoint: {
    flag: "s3Endpoint",
    option: "--s3-endpoint <url>",
    variable: "SAGEBRUSH_S3_ENDPOINT",
    text: "S3 elsewhere for the data of jobs and endpoints, with SAGEBRUSH_S3_ACCESS_KEY_ID and SAGEBRUSH_S3_SECRET_ACCESS_KEY",
  },
} as const satisfies Record<string, Setting>;

const loopback = new Set(["127.0.0.1", "::1", "localhost"]);

/** @throws ConfigError */
export function readConfig(flags: ConfigFlags, environment: NodeJS.ProcessEnv): ServerConfig {
  const value = (setting: Setting): { name: string; text: string } | undefined => {
    const flag = flags[setting.flag];
    if (flag !== undefined) return { name: setting.option.split(" ")[0], text: flag };
    const variable = environment[setting.variable];
    if (variable !== undefined && variable !== "") return { name: setting.variable, text: variable };
    return setting.fallback === undefined ? undefined : { name: setting.option.split(" ")[0], text: setting.fallback };
  };
  const checked = (setting: Setting, pattern: RegExp, rule: string): string => {
    const { name, text } = value(setting)!;
    if (!pattern.test(text)) throw new ConfigError(name, rule, text);
    return text;
  };

  const port = Number(checked(settings.port, /^\d{1,5}$/, "a port number from 0 to 65535"));
  if (port > 65535) throw new ConfigError("--port", "a port number from 0 to 65535", String(port));
  const host = value(settings.host)!.text;
  if (!loopback.has(host)) {
    throw new ConfigError(
      "--host",
      "a loopback address (127.0.0.1, ::1 or localhost): other machines need TLS, which this version does not serve",
      host,
    );
  }
  const maxJobs = value(settings.maxJobs);
  if (maxJobs !== undefined && !/^[1-9]\d{0,3}$/.test(maxJobs.text)) {
    throw new ConfigError(maxJobs.name, "a number from 1 to 9999", maxJobs.text);
  }
  const accountId = checked(settings.accountId, /^\d{12}$/, "twelve digits");
  return {
    host,
    port,
    dataDirectory: resolve(value(settings.dataDir)?.text ?? join(homedir(), ".sagebrush")),
    auth: checked(settings.auth, /^(on|off)$/, "on or off") as "on" | "off",
    accountId,
    otherAccounts: otherAccountsOf(value(settings.otherAccounts), accountId),
    region: checked(settings.region, /^[a-z]{2}(-[a-z]+)+-\d$/, "a region name such as us-east-1 or ap-northeast-2"),
    maxConcurrentJobs: maxJobs === undefined ? undefined : Number(maxJobs.text),
    outsideS3: outsideS3Of(value(settings.s3Endpoint), environment),
  };
}

/** The keys come from the environment alone: command lines are for all to see. @throws ConfigError */
function outsideS3Of(
  setting: { name: string; text: string } | undefined,
  environment: NodeJS.ProcessEnv,
): OutsideS3Config | undefined {
  if (setting === undefined) return undefined;
  const url = URL.canParse(setting.text) ? new URL(setting.text) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.username === "";
  if (!plain || url.search !== "" || url.hash !== "") {
    throw new ConfigError(setting.name, "an http or https URL without path, user or query", setting.text);
  }
  const required = (variable: string) => {
    const text = environment[variable];
    if (text === undefined || text === "") throw new ConfigError(variable, `set when ${setting.name} is`, "");
    return text;
  };
  const sessionToken = environment["SAGEBRUSH_S3_SESSION_TOKEN"];
  return {
    endpoint: url.origin,
    region: environment["SAGEBRUSH_S3_REGION"] || "us-east-1",
    credentials: {
      accessKeyId: required("SAGEBRUSH_S3_ACCESS_KEY_ID"),
      secretAccessKey: required("SAGEBRUSH_S3_SECRET_ACCESS_KEY"),
      ...(sessionToken === undefined || sessionToken === "" ? {} : { sessionToken }),
    },
  };
}

const maxOtherAccounts = 100;

/** @throws ConfigError */
function otherAccountsOf(setting: { name: string; text: string } | undefined, own: string): readonly string[] {
  if (setting === undefined) return [];
  const ids = setting.text.split(",").map((id) => id.trim());
  const rule = `up to ${maxOtherAccounts} different twelve-digit account ids separated by commas, without the server's own ${own}`;
  const wrong = ids.length > maxOtherAccounts || ids.some((id) => !/^\d{12}$/.test(id) || id === own);
  if (wrong || new Set(ids).size < ids.length) throw new ConfigError(setting.name, rule, setting.text);
  return ids;
}
