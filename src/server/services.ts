/** The services of this server: one line each, with what they need of one another. */
import type { ComputeBackend } from "../compute/compute-backend.ts";
import type { Service } from "../protocol/service.ts";
import type { CredentialLookup } from "../protocol/sigv4/index.ts";
import type { ReconcilerEngine } from "../resources/reconciler.ts";
import type { EndpointRouter } from "../serving/endpoint-router.ts";
import { iamService } from "../services/iam/index.ts";
import { logsService } from "../services/logs/index.ts";
import type { LogStore } from "../services/logs/log-store.ts";
import { s3Service, type ObjectStore } from "../services/s3/index.ts";
import { stsService } from "../services/sts/index.ts";
import type { RootCredentials } from "../services/sts/root-credentials.ts";
import type { RecordStore } from "../storage/record-store.ts";
import type { Clock } from "../util/clock.ts";

export interface Backends {
  readonly accountId: string;
  readonly root: RootCredentials;
  readonly records: RecordStore;
  readonly objects: ObjectStore;
  readonly logs: LogStore;
  readonly compute: ComputeBackend;
  readonly router: EndpointRouter;
  readonly engine: ReconcilerEngine;
  readonly clock: Clock;
  readonly dataDirectory: string;
  readonly runtimeDirectory: string;
  readonly maxConcurrentJobs: number;
  readonly report: (what: string, error: unknown) => void;
}

export interface BuiltServices {
  readonly services: readonly Service[];
  readonly lookup: CredentialLookup;
}

export function buildServices(backends: Backends): BuiltServices {
  const { records, objects, logs, clock, accountId, root } = backends;
  const iam = iamService({ records });
  const sts = stsService({ records, roles: iam, accountId, root, clock });
  return { services: [sts, iam, s3Service({ objects }), logsService({ records, logs })], lookup: sts.lookup };
}
