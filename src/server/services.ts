/** The services of this server: one line each, with what they need of one another. */
import { join } from "node:path";
import type { ComputeBackend } from "../compute/compute-backend.ts";
import { Capacity } from "../jobs/capacity.ts";
import { JobRunner } from "../jobs/job-runner.ts";
import type { SageMakerOperations } from "../protocol/generated/sagemaker.ts";
import { defineService, type Service } from "../protocol/service.ts";
import type { CredentialLookup } from "../protocol/sigv4/index.ts";
import type { ReconcilerEngine } from "../resources/reconciler.ts";
import { EndpointFleet } from "../serving/endpoint-fleet.ts";
import { EndpointMetrics } from "../serving/endpoint-metrics.ts";
import { EndpointRouter } from "../serving/endpoint-router.ts";
import { cloudwatchService, type MetricStore } from "../services/cloudwatch/index.ts";
import { iamService, type IamService } from "../services/iam/index.ts";
import { logsService } from "../services/logs/index.ts";
import type { LogStore } from "../services/logs/log-store.ts";
import { outsideStorage, type OutsideS3 } from "../services/s3/outside/outside-storage.ts";
import {
  type BucketNotifications,
  jobStorage,
  s3Service,
  startLifecycle,
  type ObjectStore,
} from "../services/s3/index.ts";
import { taggingService } from "../services/resourcegroupstaggingapi/index.ts";
import { snsService } from "../services/sns/index.ts";
import { sqsService } from "../services/sqs/index.ts";
import { endpointConfigFamily } from "../services/sagemaker/endpoints/endpoint-config.ts";
import { endpointReconciler, resumeEndpoints } from "../services/sagemaker/endpoints/endpoint-reconciler.ts";
import { endpointFamily, endpointOperations } from "../services/sagemaker/endpoints/endpoint.ts";
import { modelFamily, modelOperations } from "../services/sagemaker/models/model.ts";
import { tagOperations } from "../services/sagemaker/tags/tags.ts";
import { resumeTrainingJobs, trainingJobReconciler } from "../services/sagemaker/training/training-job-reconciler.ts";
import { trainingJobFamily, trainingJobOperations } from "../services/sagemaker/training/training-job.ts";
import { sagemakerRuntimeService } from "../services/sagemaker-runtime/index.ts";
import { sagemakerAccessRules } from "../services/sagemaker/access-rules.ts";
import { sagemakerPrincipal } from "../services/sagemaker/execution-role.ts";
import type { RoleDirectory } from "../services/sagemaker/ports.ts";
import { AuthorizationMessages } from "../services/sts/authorization-message.ts";
import { parseRoleArn } from "../services/sts/roles.ts";
import { stsService } from "../services/sts/index.ts";
import type { RootCredentials } from "../services/sts/root-credentials.ts";
import type { SecretKey } from "../services/sts/secret-key.ts";
import type { RecordStore } from "../storage/record-store.ts";
import type { Clock } from "../util/clock.ts";
import { entryPoint } from "../util/entry-point.ts";
import { Authorizer } from "./authorizer.ts";
import { storageOfRoles } from "./role-bound-storage.ts";
import type { PlatformRoute } from "./http-server.ts";
import { ContainerCredentials, credentialsPath } from "./workload-credentials.ts";

export interface Backends {
  /** The root key of every account. */
  readonly roots: ReadonlyMap<string, RootCredentials>;
  readonly secrets: SecretKey;
  /** Of this server, once it listens. */
  readonly baseUrl: () => string;
  readonly records: RecordStore;
  readonly objects: ObjectStore;
  readonly notifications: BucketNotifications;
  /** Where jobs and endpoints have their data instead. */
  readonly outsideS3: OutsideS3 | undefined;
  readonly logs: LogStore;
  readonly metrics: MetricStore;
  readonly compute: ComputeBackend;
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
  readonly authorizer: Authorizer;
  readonly noteUse: IamService["noteUse"];
  /** Paths beside the API, `/_sagebrush/…`, that need no signature. */
  readonly routes: Readonly<Record<string, PlatformRoute>>;
  /** Ends answers that would go on for as long as the client listens, e.g. live tails. */
  endStreams(): Promise<void>;
  /** Takes over what a server before this one left running; before requests are answered and the engine starts. */
  resume(): Promise<void>;
  /** Ends the replicas of endpoints, which nobody could reach any more; jobs go on. Writes what waits. */
  close(): Promise<void>;
}

const algorithmProgram = entryPoint(import.meta.url, "../jobs/run-algorithm/main.ts");

export function buildServices(backends: Backends): BuiltServices {
  const { roots, secrets, records, logs, metrics, compute, engine, clock, dataDirectory, report } = backends;
  const objects = backends.outsideS3 === undefined ? jobStorage(backends.objects) : outsideStorage(backends.outsideS3);
  const families = { records, notify: engine.notify.bind(engine) };
  const iam = iamService({ records });
  const messages = new AuthorizationMessages(secrets.derive("authorization messages"));
  const sts = stsService({ records, identities: iam, roots, messages, clock });
  const credentials = new ContainerCredentials({
    key: secrets.derive("workload credentials"),
    sts,
    compute,
    clock,
    baseUrl: backends.baseUrl,
  });
  const authorizer = new Authorizer(iam, messages);
  const sqs = sqsService({ records, clock, report });
  const sns = snsService({
    records,
    queues: {
      send: (queueArn, message, { topicArn, accountId }) =>
        sqs.deliver(queueArn, message, {
          service: "sns.amazonaws.com",
          sourceArn: topicArn,
          sourceAccount: accountId,
        }),
    },
    clock,
    dataDirectory,
    baseUrl: backends.baseUrl,
    metrics,
    report,
  });
  const lifecycle = startLifecycle({ objects: backends.objects, clock, report });
  const s3 = s3Service({
    objects: backends.objects,
    records,
    topics: sns,
    lifecycleChanged: () => lifecycle.changed(),
  });
  const logsApi = logsService({ records, logs, metrics: { sink: metrics, clock } });
  const storageOf = storageOfRoles({ objects, s3, sts, authorizer, clock });
  const roles: RoleDirectory = {
    isAssumable: async (accountId, roleArn) =>
      parseRoleArn(roleArn)?.account === accountId && (await sts.isAssumableBy(roleArn, sagemakerPrincipal)),
  };

  const cloudwatch = cloudwatchService({ metrics, records, clock, report });

  const trainingJobs = trainingJobFamily(families);
  const runner = new JobRunner({ compute, storageOf, logs, metrics, clock, dataDirectory, report });
  const capacity = new Capacity(backends.maxConcurrentJobs);
  engine.add(trainingJobReconciler({ runner, capacity, credentials, command: [process.execPath, algorithmProgram] }));

  const router = new EndpointRouter(clock);
  const fleet = new EndpointFleet({
    backend: compute,
    storageOf,
    credentials,
    logs,
    clock,
    router,
    directory: join(dataDirectory, "endpoints"),
    runtimeDirectory: backends.runtimeDirectory,
    report,
  });
  const endpointMetrics = new EndpointMetrics({
    router,
    compute,
    metrics,
    clock,
    directory: dataDirectory,
    report,
  });
  engine.add(endpointReconciler(fleet));
  const models = modelFamily(families);
  const configs = endpointConfigFamily(families);
  const endpoints = endpointFamily(families);

  const sagemaker = defineService<SageMakerOperations>(
    "sagemaker",
    {
      ...trainingJobOperations({ trainingJobs, runner, objects, roles }),
      ...modelOperations({ models, storageOf, roles }),
      ...endpointOperations({ models, configs, endpoints }),
      ...tagOperations({ records }),
    },
    { accesses: sagemakerAccessRules({ tagsOf: (arn) => records.tags(arn) }) },
  );
  const tagged: Readonly<Record<string, Service>> = { cloudwatch, iam, logs: logsApi, s3, sagemaker, sns, sqs };
  return {
    services: [
      sagemaker,
      sagemakerRuntimeService({ router }),
      s3,
      sns,
      sqs,
      taggingService({
        records,
        buckets: { ownerOf: (name) => backends.objects.bucket(name) },
        services: { rulesOf: (name) => (Object.hasOwn(tagged, name) ? tagged[name].accesses : undefined) },
      }),
      logsApi,
      cloudwatch,
      sts,
      iam,
    ],
    lookup: sts.lookup,
    authorizer,
    noteUse: iam.noteUse,
    routes: {
      ...sns.publicRoutes,
      [credentialsPath]: (method, headers) => credentials.answer(method, headers),
    },
    endStreams: () => logsApi.close(),
    async resume() {
      await resumeTrainingJobs(records, runner, capacity);
      await resumeEndpoints(records, fleet);
      await sqs.resume();
      await sns.resume();
      backends.notifications.start(sns);
      await cloudwatch.startAlarms(sns);
    },
    async close() {
      await fleet.end();
      await cloudwatch.close();
      await lifecycle.stop();
      await backends.notifications.stop();
      await sns.close();
      await sqs.close();
      await endpointMetrics.close();
      await iam.close();
    },
  };
}
