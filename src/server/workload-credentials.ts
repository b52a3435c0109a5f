/**
 * Credentials for what runs here: jobs and endpoints find them as programs in a container on AWS do, through the container
 * credentials URI.
 *
 * A workload's token says which workload it is and under which role it runs, and is authentic by an HMAC with a key of the
 * data directory. So nothing is stored, a token is good after a restart, and it is good only while its workload runs.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { ComputeBackend } from "../compute/compute-backend.ts";
import type { WorkloadCredentials, WorkloadIdentity } from "../jobs/ports.ts";
import { AwsError } from "../protocol/aws-error.ts";
import type { HttpResponse } from "../protocol/http-message.ts";
import type { Credential } from "../protocol/sigv4/credential.ts";
import { sagemakerPrincipal } from "../services/sagemaker/execution-role.ts";
import type { StsService } from "../services/sts/index.ts";
import { StorageFull } from "../storage/record-store.ts";
import type { Clock } from "../util/clock.ts";
import { RecentlyUsed } from "../util/recently-used.ts";
import { isLoopbackHost } from "./host.ts";

export const credentialsPath = "/_sagebrush/credentials";

/** Sessions last an hour, as those of AWS's container credentials do at least. */
const sessionSeconds = 3600;
/** SDKs ask anew when 15 minutes are left, or at the latest some minutes before the end; from then on they get a new session. */
const renewBeforeMs = 15 * 60_000;
/** Sessions kept for further questions. */
const maxSessions = 1000;
const maxTokenLength = 4096;

/** What a token says. */
type Claims = readonly [workloadId: string, roleArn: string, sessionName: string];

export interface WorkloadCredentialOptions {
  /** 32 bytes, for this purpose alone. */
  readonly key: Buffer;
  readonly sts: Pick<StsService, "issueServiceSession">;
  readonly compute: Pick<ComputeBackend, "observe">;
  readonly clock: Clock;
  /** Of this server, e.g. `http://127.0.0.1:7243`. */
  readonly baseUrl: () => string;
}

export class ContainerCredentials implements WorkloadCredentials {
  readonly #options: WorkloadCredentialOptions;
  readonly #sessions = new RecentlyUsed<string, Promise<Required<Credential>>>(maxSessions);

  constructor(options: WorkloadCredentialOptions) {
    this.#options = options;
  }

  environment({ workloadId, region, roleArn, sessionName }: WorkloadIdentity): Readonly<Record<string, string>> {
    const url = this.#options.baseUrl();
    return {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}${credentialsPath}`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: this.#token([workloadId, roleArn, sessionName]),
      AWS_ENDPOINT_URL: url,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
    };
  }

  /** Answers a request for credentials, in the form that the SDKs' container providers read. */
  async answer(method: string, headers: Readonly<Record<string, string | undefined>>): Promise<HttpResponse> {
    if (method !== "GET") return problem(405, "MethodNotAllowed", "Credentials are asked for with GET.");
    // A name that DNS points here, or a page of a browser, is not a workload of this machine.
    if (!isLoopbackHost(headers["host"] ?? "") || headers["origin"] !== undefined)
      return problem(403, "AccessDenied", "Credentials are given to programs of this machine only.");
    const claims = this.#claims(headers["authorization"] ?? "");
    if (claims === undefined) return problem(401, "InvalidToken", "The authorization token is not one of this server.");
    const [workloadId, roleArn, sessionName] = claims;
    const { phase } = await this.#options.compute.observe(workloadId);
    if (phase !== "starting" && phase !== "running")
      return problem(403, "ExpiredToken", `The workload ${workloadId} does not run any more.`);
    try {
      const credential = await this.#session(roleArn, sessionName);
      return json(200, {
        AccessKeyId: credential.accessKeyId,
        SecretAccessKey: credential.secretAccessKey,
        Token: credential.sessionToken,
        Expiration: new Date(credential.expiresAt).toISOString().replace(/\.\d{3}/, ""),
        RoleArn: roleArn,
      });
    } catch (error) {
      if (error instanceof AwsError) return problem(error.status, error.code, error.message);
      if (error instanceof StorageFull) return problem(507, "InsufficientStorage", error.message);
      throw error;
    }
  }

  /** The session of a role that has long enough to live, or a new one; programs that ask at the same time share it. */
  async #session(roleArn: string, sessionName: string): Promise<Required<Credential>> {
    const { sts, clock } = this.#options;
    const name = `${sessionName} ${roleArn}`;
    const known = this.#sessions.get(name);
    if (known !== undefined && (await known).expiresAt - clock.now() > renewBeforeMs) return known;
    const actor = { by: "sagebrush:workload-credentials", call: "sts:AssumeRole" };
    const session = { roleArn, sessionName, service: sagemakerPrincipal };
    const issued = sts.issueServiceSession(session, sessionSeconds, actor);
    this.#sessions.set(name, issued);
    issued.catch(() => this.#sessions.delete(name));
    return issued;
  }

  #token(claims: Claims): string {
    const text = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${text}.${this.#mac(text).toString("base64url")}`;
  }

  #claims(token: string): Claims | undefined {
    if (token.length > maxTokenLength) return undefined;
    const [text, mac = ""] = token.split(".");
    const given = Buffer.from(mac, "base64url");
    const wanted = this.#mac(text);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Claims;
  }

  #mac(text: string): Buffer {
    return createHmac("sha256", this.#options.key).update(text).digest();
  }
}

function json(status: number, body: object): HttpResponse {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: `${JSON.stringify(body)}\n`,
  };
}

/** SDKs show code and message of a refusal. */
function problem(status: number, code: string, message: string): HttpResponse {
  return json(status, { code, message });
}
