/**
 * Takes over newer service descriptions from a botocore checkout and says what changed.
 *
 * botocore keeps them in `botocore/data/<service>/<API version>/service-2.json`, gzipped in its packages. Of each
 * service we have, the newest API version is taken, without its documentation texts, in botocore's own order of keys.
 */
import { readdirSync, readFileSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { OperationModel, ServiceModel, ShapeModel } from "../service-model.ts";
import { readDescriptions } from "./generate.ts";

export interface RefreshOptions {
  /** A botocore repository, or an installed package: a folder that has `botocore/data` or `data`. */
  readonly botocore: string;
  /** Our descriptions: `<service>.json` and `<service>.waiters.json`. */
  readonly folder: string;
  /** Only say what would change. */
  readonly dryRun?: boolean;
}

/** What a newer description changes, one line per fact; empty when nothing did. */
export interface ServiceDrift {
  readonly service: string;
  readonly lines: readonly string[];
}

/**
 * Refreshes every description of the folder.
 *
 * @returns the services that changed
 * @throws Error when botocore's data, or one of our services in it, is not there; then nothing was written
 */
export function refreshServiceModels({ botocore, folder, dryRun }: RefreshOptions): ServiceDrift[] {
  const data = [join(botocore, "botocore", "data"), join(botocore, "data")].find((path) => existsSync(path));
  if (data === undefined)
    throw new Error(`${botocore} has neither botocore/data nor data: give the folder of a botocore checkout`);
  // Everything is read before anything is written, so that a failure leaves the old descriptions whole.
  const services = [...readDescriptions(folder)].map(([service, before]) => ({
    service,
    before,
    after: readService(data, service),
  }));
  const waiters = services.flatMap(({ service }) => {
    const file = `${service}.waiters.json`;
    return existsSync(join(folder, file))
      ? [{ file, text: JSON.stringify(readNewest(data, service, "waiters-2.json")) }]
      : [];
  });
  if (!dryRun) {
    for (const { service, after } of services) replace(join(folder, `${service}.json`), JSON.stringify(after));
    for (const { file, text } of waiters) replace(join(folder, file), text);
  }
  return services
    .map(({ service, before, after }) => ({ service, lines: describeDrift(before, after) }))
    .filter(({ lines }) => lines.length > 0);
}

/** Puts the text in place at once: the old file or the new one, never half of it. */
function replace(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

function readService(data: string, service: string): ServiceModel {
  return withoutDocumentation(readNewest(data, service, "service-2.json") as ServiceModel);
}

/** The file of the newest API version; versions are dates, so the last by name is the newest. */
function readNewest(data: string, service: string, file: string): unknown {
  const folder = join(data, service);
  const versions = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d{4}-\d\d-\d\d$/.test(name))
        .sort()
    : [];
  for (const version of versions.reverse()) {
    const path = join(folder, version, file);
    if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
    if (existsSync(`${path}.gz`)) return JSON.parse(gunzipSync(readFileSync(`${path}.gz`)).toString("utf8"));
  }
  throw new Error(`${data} has no ${service}/<API version>/${file}`);
}

/** The parts of a description that we use. Members that happen to be called "documentation" stay. */
export function withoutDocumentation({ version, metadata, operations, shapes }: ServiceModel): ServiceModel {
  return {
    version,
    metadata,
    operations: mapValues(operations, withoutOwnText),
    shapes: mapValues(shapes, withoutShapeText),
  };
}

function withoutShapeText(shape: ShapeModel): ShapeModel {
  const plain = withoutOwnText(shape);
  return plain.members === undefined ? plain : { ...plain, members: mapValues(plain.members, withoutOwnText) };
}

/** Operations and shapes refer to other shapes in their values (input, errors, member, key), texts and all. */
function withoutOwnText<T extends object>(node: T): T {
  const entries = Object.entries(node).filter(([key]) => key !== "documentation");
  return Object.fromEntries(
    entries.map(([key, value]: [string, unknown]) => {
      if (key === "members" || typeof value !== "object" || value === null) return [key, value];
      return [
        key,
        Array.isArray(value)
          ? value.map((item: unknown) => (isObject(item) ? withoutOwnText(item) : item))
          : withoutOwnText(value),
      ];
    }),
  ) as T;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/**
 * The differences that matter to clients and handlers, each on a line: `+` added, `-` removed, `~` changed.
 *
 *     + operation CreateAction
 *     + member CreateTrainingJobRequest.RetryStrategy
 *     - value TrainingInputMode "Pipe"
 *     ~ TrainingJobName.max 63 -> 64
 */
export function describeDrift(before: ServiceModel, after: ServiceModel): string[] {
  return [
    ...addedAndRemoved("operation", before.operations, after.operations),
    ...changedIn(before.operations, after.operations, operationFacts),
    ...addedAndRemoved("shape", before.shapes, after.shapes),
    ...inBoth(before.shapes, after.shapes).flatMap((name) => shapeDrift(name, before.shapes[name], after.shapes[name])),
  ];
}

type Fact = string | number | boolean | undefined;
type Facts = Readonly<Record<string, Fact>>;

const operationFacts = ({ http, input, output, errors, deprecated }: OperationModel): Facts => ({
  method: http.method,
  requestUri: http.requestUri,
  responseCode: http.responseCode,
  input: input?.shape,
  output: output?.shape,
  errors: errors
    ?.map(({ shape }) => shape)
    .sort()
    .join(", "),
  deprecated,
});

const shapeFacts = ({ type, min, max, pattern, required, error, union, payload }: ShapeModel): Facts => ({
  type,
  min,
  max,
  pattern,
  required: [...(required ?? [])].sort().join(", "),
  httpStatusCode: error?.httpStatusCode,
  code: error?.code,
  union,
  payload,
});

function shapeDrift(name: string, before: ShapeModel, after: ShapeModel): string[] {
  const [oldMembers, newMembers] = [before.members ?? {}, after.members ?? {}];
  const [oldValues, newValues] = [before.enum ?? [], after.enum ?? []];
  return [
    ...changed(name, shapeFacts(before), shapeFacts(after)),
    ...addedAndRemoved("member", oldMembers, newMembers, (member) => `${name}.${member}`),
    ...changedIn(
      oldMembers,
      newMembers,
      ({ shape, location, locationName }) => ({ shape, location, locationName }),
      (member) => `${name}.${member}`,
    ),
    ...newValues
      .filter((value) => !oldValues.includes(value))
      .map((value) => `+ value ${name} ${JSON.stringify(value)}`),
    ...oldValues
      .filter((value) => !newValues.includes(value))
      .map((value) => `- value ${name} ${JSON.stringify(value)}`),
  ];
}

function addedAndRemoved(
  kind: string,
  before: object,
  after: object,
  label = (name: string): string => name,
): string[] {
  return [
    ...Object.keys(after)
      .filter((name) => !Object.hasOwn(before, name))
      .map((name) => `+ ${kind} ${label(name)}`),
    ...Object.keys(before)
      .filter((name) => !Object.hasOwn(after, name))
      .map((name) => `- ${kind} ${label(name)}`),
  ];
}

function inBoth(before: object, after: object): string[] {
  return Object.keys(after).filter((name) => Object.hasOwn(before, name));
}

function changedIn<T>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  facts: (value: T) => Facts,
  label = (name: string): string => name,
): string[] {
  return inBoth(before, after).flatMap((name) => changed(label(name), facts(before[name]), facts(after[name])));
}

function changed(label: string, before: Facts, after: Facts): string[] {
  const shown = (value: Fact): string => (value === undefined || value === "" ? "none" : String(value));
  return Object.keys(after)
    .filter((fact) => before[fact] !== after[fact])
    .map((fact) => `~ ${label}.${fact} ${shown(before[fact])} -> ${shown(after[fact])}`);
}
