/**
 * Which operation a REST request means: by method, path template and query literals, and where those tie by the
 * bound parameters that the request has.
 *
 * S3 shows why all three are needed: `PUT /{Bucket}/{Key+}` is PutObject, CopyObject, UploadPart and
 * UploadPartCopy, told apart by the required header `x-amz-copy-source` and the required parameter `uploadId`.
 */
import type { CompiledOperation, CompiledService } from "../compiled-service.ts";
import type { RequestHead } from "./codec.ts";
import { parseQuery } from "./uri.ts";

interface Route {
  readonly operation: CompiledOperation;
  readonly method: string;
  readonly path: PathTemplate;
  /** `?uploads` or `?list-type=2`: parameters that must be there, with a value where the template gives one. */
  readonly literals: readonly (readonly [name: string, value: string])[];
  readonly requiredParameters: readonly string[];
  readonly requiredHeaders: readonly string[];
  readonly deprecated: boolean;
}

/** A path template such as `/endpoints/{EndpointName}/invocations` or `/{Bucket}/{Key+}`. */
export class PathTemplate {
  readonly segments: readonly Segment[];
  /** The more literal segments, the more specific. */
  readonly literalCount: number;
  readonly #greedyAt: number;

  constructor(template: string) {
    const path = template.split("?", 1)[0];
    this.segments = splitPath(path).map(segmentOf);
    this.literalCount = this.segments.filter(({ kind }) => kind === "literal").length;
    this.#greedyAt = this.segments.findIndex(({ kind }) => kind === "greedy");
  }

  /** Whether the path has a greedy label; a template without one is more specific. */
  get isGreedy(): boolean {
    return this.#greedyAt !== -1;
  }

  /** @returns the labels' values, still percent-encoded, or undefined when the path does not fit */
  match(path: readonly string[]): Map<string, string> | undefined {
    const { segments } = this;
    const greedyAt = this.#greedyAt;
    const extra = path.length - segments.length;
    if (greedyAt === -1 ? extra !== 0 : extra < 0) return undefined;
    const labels = new Map<string, string>();
    for (let index = 0; index < segments.length; index += 1) {
      const segment = segments[index];
      // Behind the greedy label, segments are counted from the end.
      const at = greedyAt !== -1 && index > greedyAt ? index + extra : index;
      if (segment.kind === "literal") {
        if (path[at] !== segment.name) return undefined;
      } else {
        const value = segment.kind === "greedy" ? path.slice(at, at + extra + 1).join("/") : path[at];
        if (value === "") return undefined;
        labels.set(segment.name, value);
      }
    }
    return labels;
  }
}

interface Segment {
  readonly kind: "literal" | "label" | "greedy";
  readonly name: string;
}

function segmentOf(text: string): Segment {
  const label = /^\{(.+?)(\+?)\}$/.exec(text);
  if (label === null) return { kind: "literal", name: text };
  return { kind: label[2] === "+" ? "greedy" : "label", name: label[1] };
}

/** `/a//b` has the segments `a`, ``, `b`; one slash at the end counts for nothing unless a greedy label takes it. */
export function splitPath(path: string): string[] {
  const trimmed = path.startsWith("/") ? path.slice(1) : path;
  return trimmed === "" ? [] : trimmed.split("/");
}

export class RouteTable {
  readonly #byMethod = new Map<string, Route[]>();
  readonly #paths = new Map<CompiledOperation, PathTemplate>();

  constructor(service: CompiledService) {
    for (const name of Object.keys(service.model.operations)) {
      const route = routeOf(service.operation(name)!);
      this.#paths.set(route.operation, route.path);
      const routes = this.#byMethod.get(route.method);
      if (routes === undefined) this.#byMethod.set(route.method, [route]);
      else routes.push(route);
    }
    // The most specific first: more literal segments, no greedy label, more query literals, not deprecated.
    for (const routes of this.#byMethod.values()) {
      routes.sort(
        (a, b) =>
          b.path.literalCount - a.path.literalCount ||
          Number(a.path.isGreedy) - Number(b.path.isGreedy) ||
          b.literals.length - a.literals.length ||
          Number(a.deprecated) - Number(b.deprecated),
      );
    }
  }

  resolve(head: RequestHead): CompiledOperation | undefined {
    const routes = this.#byMethod.get(head.method);
    if (routes === undefined) return undefined;
    const matching = matchPath(routes, splitPath(head.path));
    if (matching.length === 0) return undefined;
    const parameters = new Map(parseQuery(head.query));
    const candidates = matching.filter(({ literals }) =>
      literals.every(([name, value]) => parameters.has(name) && (value === "" || parameters.get(name) === value)),
    );
    // The JavaScript SDK says by name what it means, in `x-id`; it decides only among routes that fit anyway.
    const named = candidates.find(({ operation }) => operation.name === parameters.get("x-id"));
    return (named ?? mostBound(candidates, parameters, head.headers))?.operation;
  }

  /** The path template of an operation of this service. */
  pathOf(operation: CompiledOperation): PathTemplate {
    return this.#paths.get(operation)!;
  }
}

/** The routes whose path fits, of the most specific kind only: a literal path hides the labels behind it. */
function matchPath(routes: readonly Route[], segments: string[]): Route[] {
  const fits = (path: readonly string[]): Route[] => {
    const matching = routes.filter((route) => route.path.match(path) !== undefined);
    return matching.filter(({ path: { literalCount, isGreedy } }) => {
      const best = matching[0].path;
      return literalCount === best.literalCount && isGreedy === best.isGreedy;
    });
  };
  const exact = fits(segments);
  return exact.length === 0 && segments.at(-1) === "" ? fits(segments.slice(0, -1)) : exact;
}

/**
 * Of several candidates, the one with the most query literals and required parameters and headers that the request
 * has. One that lacks a required one still wins when nothing else fits: then validation can say what is missing.
 */
function mostBound(
  candidates: readonly Route[],
  parameters: ReadonlyMap<string, string>,
  headers: RequestHead["headers"],
): Route | undefined {
  let best: Route | undefined;
  let bestScore = -Infinity;
  for (const route of candidates) {
    const required = route.requiredParameters.length + route.requiredHeaders.length;
    const present =
      route.requiredParameters.filter((name) => parameters.has(name)).length +
      route.requiredHeaders.filter((name) => headers[name] !== undefined).length;
    const score = route.literals.length * 100 + (present === required ? present : present - 50);
    if (score > bestScore) [best, bestScore] = [route, score];
  }
  return best;
}

function routeOf(operation: CompiledOperation): Route {
  const { http, input, deprecated } = operation.model;
  const shape = input === undefined ? undefined : operation.service.shape(input.shape);
  const required = (location: string): string[] =>
    (shape?.required ?? []).flatMap((name) => {
      const reference = shape!.members![name];
      return reference.location === location ? [reference.locationName ?? name] : [];
    });
  const question = http.requestUri.indexOf("?");
  return {
    operation,
    method: http.method,
    path: new PathTemplate(http.requestUri),
    literals:
      question === -1 ? [] : parseQuery(http.requestUri.slice(question + 1)).filter(([name]) => name !== "x-id"),
    requiredParameters: required("querystring"),
    requiredHeaders: required("header").map((name) => name.toLowerCase()),
    deprecated: deprecated ?? false,
  };
}
