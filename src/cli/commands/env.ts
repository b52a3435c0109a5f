/** `sagebrush env`: shell lines that point every AWS client of a terminal at this server. */
import type { Connection } from "../connection.ts";
import { printJson, type OutputOptions } from "../output.ts";

/** A word that every POSIX shell reads back as it is. */
function quote(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function environmentOf(connection: Connection): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: connection.url,
    AWS_ACCESS_KEY_ID: connection.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: connection.credentials.secretAccessKey,
    AWS_REGION: connection.region,
    // boto3 and the AWS CLI v1 read only this one.
    AWS_DEFAULT_REGION: connection.region,
    // Live tails of logs would go to `streaming-127.0.0.1` otherwise.
    AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
  };
}

export function env(connection: Connection, options: OutputOptions): void {
  const variables = environmentOf(connection);
  if (options.json) {
    printJson(variables);
    return;
  }
  const pairs = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`);
  console.log(`export ${pairs.join(" ")}`);
  // A session token or profile of a real account would be sent along and refused.
  console.log("unset AWS_SESSION_TOKEN AWS_PROFILE");
}
