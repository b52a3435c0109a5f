/**
 * Loaded into Node programs by `NODE_OPTIONS=--require`: connections to AWS go to the proxy of `sagebrush run`.
 *
 * Node's own clients take no notice of HTTPS_PROXY, and the AWS SDKs for JavaScript use them. The proxy takes TLS without a
 * handshake of its own, so that it is enough to change where a connection goes. Written for every Node since 14.
 */
{
  const net = require("net") as typeof import("node:net");
  const tls = require("tls") as typeof import("node:tls");

  const port = Number(process.env["SAGEBRUSH_RUN_PORT"]);
  const redirected =
    /(?:^|\.)(?:amazonaws\.com(?:\.cn)?|api\.aws|on\.aws|amazonwebservices\.com\.cn)\.?$|^169\.254\.(?:169\.254|170\.23?)$|^instance-data(?:\.ec2\.internal)?$/i;

  interface Target {
    host?: string | null;
    hostname?: string | null;
    port?: number | string;
    servername?: string;
    path?: string | null;
    socket?: unknown;
  }

  /** Changes the options of a connection in place of the program, which goes on to speak as if to AWS. */
  function bend(target: Target, secured: boolean): Target {
    const host = target.host ?? target.hostname;
    // A connection over a socket that is open already goes where that went.
    if (typeof host !== "string" || !redirected.test(host) || target.socket !== undefined) return target;
    const bent: Target = { ...target, host: "127.0.0.1", hostname: "127.0.0.1", port };
    if (secured) bent.servername = target.servername ?? host;
    return bent;
  }

  /** `connect(options)`, `connect(port, host)`: options in both cases, the rest as it was. */
  function bendArguments(list: unknown[], secured: boolean): unknown[] {
    const [first, second, ...rest] = list;
    if (typeof first === "object" && first !== null && !Array.isArray(first)) {
      return [bend(first as Target, secured), second, ...rest];
    }
    if (typeof second === "string" && redirected.test(second)) {
      const options = typeof rest[0] === "object" && rest[0] !== null ? (rest.shift() as Target) : {};
      return [bend({ ...options, host: second }, secured), ...rest];
    }
    return list;
  }

  if (Number.isInteger(port) && port > 0) {
    for (const [target, secured] of [
      [tls, true],
      [net, false],
    ] as const) {
      for (const name of ["connect", "createConnection"] as const) {
        const holder = target as unknown as Record<string, ((...list: unknown[]) => unknown) | undefined>;
        const original = holder[name];
        if (original === undefined) continue;
        holder[name] = (...list: unknown[]) => original.apply(target, bendArguments(list, secured));
      }
    }
    // What was imported by name already, as ES modules do, is to be the new one as well.
    (require("module") as typeof import("node:module")).syncBuiltinESMExports();
  }
}
