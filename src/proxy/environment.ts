/** The variables under which a program, whatever it is written in, finds the proxy and trusts it. */
import { fileURLToPath } from "node:url";
import { javaTrustStorePassword, type TrustFiles } from "./trust-files.ts";

export interface ProxyPlace {
  readonly url: string;
  readonly port: number;
  readonly files: TrustFiles;
}

/** Where the port of the proxy stands for `node-preload.cts`. */
const portVariable = "SAGEBRUSH_RUN_PORT";

/**
 * @param before the user's environment: their Java and Node options are added to, their proxy is ours to use
 * @returns variables to set; undefined ones are to be removed
 */
export function proxyEnvironment(place: ProxyPlace, before: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const { url, port, files } = place;
  const preload = fileURLToPath(new URL("./node-preload.cjs", import.meta.url));
  const java = [
    `-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=${port} -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=${port}`,
    // Java's own default excludes the addresses of link-local services, too.
    '-Dhttp.nonProxyHosts="localhost|127.*|[::1]"',
    `-Djavax.net.ssl.trustStore=${javaWord(files.javaTrustStore)} -Djavax.net.ssl.trustStorePassword=${javaTrustStorePassword}`,
    "-Djavax.net.ssl.trustStoreType=JKS",
  ].join(" ");
  const noProxy = withoutAws(before["NO_PROXY"] ?? before["no_proxy"]);
  return {
    HTTPS_PROXY: url,
    https_proxy: url,
    HTTP_PROXY: url,
    http_proxy: url,
    ALL_PROXY: undefined,
    all_proxy: undefined,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    // OpenSSL and Go; Python's requests; boto3 and the AWS CLI; curl; Node.
    SSL_CERT_FILE: files.bundle,
    REQUESTS_CA_BUNDLE: files.bundle,
    AWS_CA_BUNDLE: files.bundle,
    CURL_CA_BUNDLE: files.bundle,
    NODE_EXTRA_CA_CERTS: files.authority,
    NODE_OPTIONS: joined(before["NODE_OPTIONS"], `--require ${JSON.stringify(preload)}`),
    [portVariable]: String(port),
    JAVA_TOOL_OPTIONS: joined(before["JAVA_TOOL_OPTIONS"], java),
  };
}

/** This machine is reached directly; a user's exceptions stay, but for AWS's hosts. */
function withoutAws(list: string | undefined): string {
  const kept = (list ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "" && item !== "*" && !/amazonaws|api\.aws|on\.aws|169\.254\./i.test(item));
  return [...new Set(["127.0.0.1", "localhost", "::1", ...kept])].join(",");
}

function joined(before: string | undefined, added: string): string {
  return before === undefined || before === "" ? added : `${before} ${added}`;
}

/** JAVA_TOOL_OPTIONS is split at spaces outside of quotes. */
function javaWord(path: string): string {
  return path.includes(" ") ? `"${path}"` : path;
}

/** The proxy that a user has set for everything else; undefined when there is none, or one of a kind that is not HTTP. */
export function upstreamProxy(
  before: NodeJS.ProcessEnv,
): { host: string; port: number; authorization?: string } | undefined {
  const text = before["HTTPS_PROXY"] || before["https_proxy"] || before["ALL_PROXY"] || before["all_proxy"];
  if (text === undefined || text === "") return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:") return undefined;
  const user = decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 80),
    ...(user === ""
      ? {}
      : { authorization: `Basic ${Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString("base64")}` }),
  };
}
