/**
 * All deployments of this machine: what makes an endpoint's description into running replicas and routes.
 *
 * A deployment is one generation of an endpoint: its variants with everything they need. It has an id of its own, so
 * that during an update the old and the new one run side by side, and so that its replicas and files are found after
 * a restart. Everything here may be asked for twice.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ComputeBackend } from "../compute/compute-backend.ts";
import type { LogSink, StorageOfRole, WorkloadCredentials } from "../jobs/ports.ts";
import type { Clock } from "../util/clock.ts";
import { entryPoint } from "../util/entry-point.ts";
import type { EndpointKey, EndpointRouter, RoutingStrategy } from "./endpoint-router.ts";
import { defaultArtifactLimits, fetchModel } from "./model-artifact.ts";
import type { ModelData } from "./model-artifact.ts";
import { settingsFile, socketVariable } from "./model-server/settings.ts";
import type { ModelServerSettings } from "./model-server/settings.ts";
import { ReplicaSet, stopGraceMs } from "./replica-set.ts";
import { maxSocketPathBytes } from "./runtime-directory.ts";

export interface VariantDeployment {
  readonly name: string;
  /** Image URI of a built-in algorithm. */
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly modelData?: ModelData;
  /** Under which the model is fetched and served; without one, the model is fetched with the rights of the account. */
  readonly roleArn?: string;
  readonly weight: number;
  readonly instanceCount: number;
  readonly routing: RoutingStrategy;
  readonly startupTimeoutMs: number;
  /** Bytes that the unpacked model may take. */
  readonly maxModelBytes: number;
}

export interface Deployment {
  /** Twelve hexadecimal digits, unique on this machine. */
  readonly id: string;
  readonly endpoint: EndpointKey;
  readonly variants: readonly VariantDeployment[];
}

export interface EndpointFleetOptions {
  readonly backend: ComputeBackend;
  readonly storageOf: StorageOfRole;
  readonly credentials: WorkloadCredentials;
  readonly logs: LogSink;
  readonly clock: Clock;
  readonly router: EndpointRouter;
  /** Models are unpacked below this folder, which belongs to the fleet alone. */
  readonly directory: string;
  /** Folder of the sockets, from `runtimeDirectory`. */
  readonly runtimeDirectory: string;
  /** The program of a replica, JavaScript; our model server by default. */
  readonly modelServerProgram?: string;
  /** A failure behind the scenes that changes nothing for clients but must not be silent. */
  readonly report: (message: string, error: unknown) => void;
}

const builtInModelServer = entryPoint(import.meta.url, "./model-server/main.ts");
const idPattern = /^[0-9a-f]{12}$/;

export class EndpointFleet {
  readonly #options: EndpointFleetOptions;
  /** Replica sets by deployment id and variant name. */
  readonly #running = new Map<string, ReadonlyMap<string, ReplicaSet>>();

  constructor(options: EndpointFleetOptions) {
    this.#options = options;
  }

  /**
   * Starts a deployment's replicas, or takes over the running ones, and does not wait for them.
   * With a deployment that runs already it brings the numbers of replicas to the wanted ones.
   */
  async start(deployment: Deployment): Promise<void> {
    const sets = this.#setsOf(deployment);
    await Promise.all(deployment.variants.map((variant) => sets.get(variant.name)!.scale(variant.instanceCount)));
  }

  /**
   * Resolves when all replicas of a started deployment answer.
   * @throws StartFailed with a message for FailureReason
   */
  async ready(deployment: Deployment, signal: AbortSignal): Promise<void> {
    const sets = this.#setsOf(deployment);
    await Promise.all(deployment.variants.map((variant) => sets.get(variant.name)!.ready(signal)));
  }

  /** Sends the endpoint's traffic to this deployment, by its weights. */
  route(deployment: Deployment): void {
    const sets = this.#setsOf(deployment);
    this.#options.router.set(
      deployment.endpoint,
      deployment.variants.map(({ name, weight, routing }) => {
        const set = sets.get(name)!;
        return { name, weight, routing, replicas: () => set.inService };
      }),
    );
  }

  /** The endpoint answers no more. */
  unroute(endpoint: EndpointKey): void {
    this.#options.router.delete(endpoint);
  }

  /** Stops the replicas of a deployment and removes its files; works for one of an earlier life of the server too. */
  async stop(deployment: Deployment): Promise<void> {
    const sets = this.#setsOf(deployment);
    await Promise.all([...sets.values()].map((set) => set.stop()));
    this.#running.delete(deployment.id);
    await rm(this.#folder(deployment), { recursive: true, force: true });
  }

  /** Removes replicas and files of deployments that no record knows any more. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    const { backend, directory } = this.#options;
    for (const id of await backend.list()) {
      const match = /^ep-([0-9a-f]{12})-/.exec(id);
      if (match !== null && !known.has(match[1])) {
        await backend.stop(id, 0);
        await backend.exited(id);
        await backend.remove(id);
      }
    }
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(directory)) {
      if (!known.has(name)) await rm(join(directory, name), { recursive: true, force: true });
    }
  }

  /**
   * Ends every replica and stops watching: an orderly end, after which nobody could reach them. What they were started
   * from stays, so the next server has them again in a moment.
   */
  async end(): Promise<void> {
    const sets = [...this.#running.values()].flatMap((byName) => [...byName.values()]);
    await Promise.all(sets.map((set) => set.stop()));
    await this.close();
  }

  /** Stops watching; the replicas go on and are taken over by the next server. */
  async close(): Promise<void> {
    const sets = [...this.#running.values()].flatMap((byName) => [...byName.values()]);
    this.#running.clear();
    await Promise.all(sets.map((set) => set.detach()));
    // A server without replicas leaves nothing in the folder for temporary files.
    await rmdir(this.#options.runtimeDirectory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
    });
  }

  #folder(deployment: Deployment): string {
    if (!idPattern.test(deployment.id))
      throw new Error(`a deployment id is twelve hexadecimal digits, got ${JSON.stringify(deployment.id)}`);
    return join(this.#options.directory, deployment.id);
  }

  #setsOf(deployment: Deployment): ReadonlyMap<string, ReplicaSet> {
    const found = this.#running.get(deployment.id);
    if (found !== undefined) return found;
    const made = new Map(
      deployment.variants.map((variant, index) => [variant.name, this.#replicaSet(deployment, variant, index)]),
    );
    this.#running.set(deployment.id, made);
    return made;
  }

  #replicaSet(deployment: Deployment, variant: VariantDeployment, index: number): ReplicaSet {
    const { backend, clock, logs, router, runtimeDirectory, storageOf, credentials, report } = this.#options;
    const program = this.#options.modelServerProgram ?? builtInModelServer;
    const { accountId, region, endpointName } = deployment.endpoint;
    const { roleArn } = variant;
    // A variant's name is the user's text; its place in the list is not.
    const mlRoot = join(this.#folder(deployment), String(index));
    const makeFiles = async (signal: AbortSignal) => {
      const modelDirectory = join(mlRoot, "model");
      // The model comes last and appears whole: where it is, everything is.
      if (existsSync(modelDirectory)) return;
      await mkdir(mlRoot, { recursive: true });
      const settings: ModelServerSettings = { image: variant.image, environment: variant.environment };
      await writeFile(join(mlRoot, settingsFile), JSON.stringify(settings));
      const limits = { ...defaultArtifactLimits, maxBytes: variant.maxModelBytes };
      const storage = storageOf({ accountId, region, roleArn });
      await fetchModel(storage, accountId, variant.modelData, modelDirectory, { limits, signal });
    };
    let making: Promise<void> | undefined;
    return new ReplicaSet({
      idPrefix: `ep-${deployment.id}-${index}`,
      backend,
      clock,
      logs,
      logGroup: { accountId, region, group: `/aws/sagemaker/Endpoints/${endpointName}` },
      variantName: variant.name,
      startupTimeoutMs: variant.startupTimeoutMs,
      socketPath(workloadId) {
        const path = join(runtimeDirectory, workloadId.slice("ep-".length));
        if (Buffer.byteLength(path) > maxSocketPathBytes) {
          throw new Error(
            `the socket path ${path} is longer than ${maxSocketPathBytes} bytes; set TMPDIR to a shorter folder`,
          );
        }
        return path;
      },
      workload: (id, socketPath) => ({
        id,
        command: [process.execPath, program],
        env: {
          ...(roleArn !== undefined &&
            credentials.environment({ workloadId: id, region, roleArn, sessionName: "SageMaker" })),
          ML_ROOT: mlRoot,
          [socketVariable]: socketPath,
        },
        cwd: mlRoot,
        mlRoot,
        stopGraceMs,
      }),
      prepare: (signal) =>
        (making ??= makeFiles(signal).finally(() => {
          making = undefined;
        })),
      changed: () => router.replicasChanged(deployment.endpoint),
      report,
    });
  }
}
