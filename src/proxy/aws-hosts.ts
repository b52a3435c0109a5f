/** Which hosts are AWS's: those that a program under `sagebrush run` must not reach. */

/** Domains of AWS's APIs; what ends in one of them is AWS's. Source: AWS General Reference, "AWS service endpoints". */
export const awsDomains = [
  "amazonaws.com",
  "amazonaws.com.cn",
  "api.aws",
  "on.aws",
  "amazonwebservices.com.cn",
] as const;

/** Names and addresses of the instance metadata service, and of the credentials of containers (ECS and EKS). */
export const instanceMetadataHosts: readonly string[] = [
  "169.254.169.254",
  "[fd00:ec2::254]",
  "instance-data.ec2.internal",
  "instance-data",
];
export const containerCredentialsHosts: readonly string[] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/** @param host lower-case or not, without port */
export function isAwsHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  return awsDomains.some((domain) => name === domain || name.endsWith(`.${domain}`));
}

/** Hosts that are answered here: AWS's and those of its link-local services. */
export function isRedirected(host: string): boolean {
  return isAwsHost(host) || instanceMetadataHosts.includes(host) || containerCredentialsHosts.includes(host);
}

/** `host:port` in its parts; IPv6 addresses keep their brackets. undefined when it is neither. */
export function splitAuthority(authority: string, defaultPort: number): { host: string; port: number } | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/?#@\s]+)(?::(\d{1,5}))?$/.exec(authority);
  if (match === null) return undefined;
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  return port > 65535 ? undefined : { host: match[1].toLowerCase(), port };
}

/** This machine by a name or address that only it can mean. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
