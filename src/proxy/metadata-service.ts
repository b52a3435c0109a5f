/**
 * The instance metadata service (169.254.169.254) and the credentials of containers (169.254.170.2), as programs on EC2,
 * ECS and SageMaker find them. They hand out temporary credentials of one role.
 *
 * Source: EC2 User Guide, "Instance metadata categories"; SDKs reference, "Container credential provider".
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { containerCredentialsHosts } from "./aws-hosts.ts";

export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** ms since the epoch */
  readonly expiresAt: number;
}

export interface MetadataOptions {
  readonly region: string;
  readonly accountId: string;
  /** Name of the role that programs find. */
  readonly roleName: string;
  readonly roleArn: string;
  /** Opens a session of the role, an hour long. */
  readonly openSession: () => Promise<SessionCredentials>;
}

/** Paths that belong to these services also when the host does not say so (`AWS_EC2_METADATA_SERVICE_ENDPOINT`). */
export const metadataPaths =
  /^\/(?:latest\/(?:api\/token|meta-data|dynamic|user-data)(?:\/|$|\?)|_sagebrush\/run\/credentials$)/;

export const credentialsPath = "/_sagebrush/run/credentials";

/** SDKs ask again some minutes before the end; they get new ones then. */
const renewedBeforeMs = 20 * 60_000;

export class MetadataService {
  readonly #options: MetadataOptions;
  /** What a program must send for the credentials of a container. */
  readonly authorizationToken = randomBytes(24).toString("base64url");
  #session: Promise<SessionCredentials> | undefined;

  constructor(options: MetadataOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse, fullPath: string): Promise<void> {
    request.resume();
    const path = fullPath.split("?")[0];
    if (request.method === "PUT" && path === "/latest/api/token") {
      const ttl = request.headers["x-aws-ec2-metadata-token-ttl-seconds"] ?? "21600";
      response.setHeader("x-aws-ec2-metadata-token-ttl-seconds", String(ttl));
      return text(response, randomBytes(40).toString("base64url"));
    }
    if (request.method !== "GET" && request.method !== "HEAD") return missing(response, 405);
    if (path === credentialsPath) {
      if (!this.#authorized(request.headers.authorization)) return missing(response, 403);
      return json(response, await this.#containerCredentials());
    }
    // A relative URI of the container's credentials: whatever it is, on that host.
    if (containerCredentialsHosts.some((host) => request.headers.host?.startsWith(host) === true))
      return json(response, await this.#containerCredentials());
    return this.#instanceData(response, path.replace(/\/$/, ""));
  }

  async #instanceData(response: ServerResponse, path: string): Promise<void> {
    const { region, accountId, roleName, roleArn } = this.#options;
    const zone = `${region}a`;
    const instanceId = "i-0000000000000cafe";
    const credentials = "/latest/meta-data/iam/security-credentials";
    if (path === `${credentials}/${roleName}`) {
      const session = await this.#current();
      return json(response, {
        Code: "Success",
        LastUpdated: new Date().toISOString().replace(/\.\d+/, ""),
        Type: "AWS-HMAC",
        ...keysOf(session),
      });
    }
    if (path === "/latest/meta-data/iam/info") {
      return json(response, { Code: "Success", LastUpdated: new Date().toISOString(), InstanceProfileArn: roleArn });
    }
    if (path === "/latest/dynamic/instance-identity/document") {
      return json(response, { accountId, region, availabilityZone: zone, instanceId, instanceType: "ml.local" });
    }
    const plain: Readonly<Record<string, string>> = {
      [credentials]: roleName,
      "/latest/meta-data/placement/region": region,
      "/latest/meta-data/placement/availability-zone": zone,
      "/latest/meta-data/instance-id": instanceId,
      "/latest/meta-data/instance-type": "ml.local",
      "/latest/meta-data/services/domain": "amazonaws.com",
      "/latest/meta-data/services/partition": "aws",
    };
    return Object.hasOwn(plain, path) ? text(response, plain[path]) : missing(response, 404);
  }

  async #containerCredentials(): Promise<Record<string, string>> {
    return { RoleArn: this.#options.roleArn, ...keysOf(await this.#current()) };
  }

  /** One session for all who ask, until it is about to end. */
  async #current(): Promise<SessionCredentials> {
    const known = await this.#session?.catch(() => undefined);
    if (known !== undefined && known.expiresAt - Date.now() > renewedBeforeMs) return known;
    this.#session = this.#options.openSession();
    return this.#session;
  }

  #authorized(header: string | undefined): boolean {
    const given = Buffer.from(header ?? "");
    const expected = Buffer.from(this.authorizationToken);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

function keysOf({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: SessionCredentials) {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: new Date(expiresAt).toISOString().replace(/\.\d+/, ""),
  };
}

function text(response: ServerResponse, body: string): void {
  response.writeHead(200, { "content-type": "text/plain" }).end(body);
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function missing(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/plain" }).end();
}
