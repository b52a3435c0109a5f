/**
 * A service description made ready for use: looked up by name, compiled on demand.
 *
 * The description itself is plain data; codecs and validators compile one operation at a time, the first time
 * it is called, and keep what they compiled. A description of 400 operations therefore costs its `JSON.parse`.
 */
import type { OperationModel, ProtocolName, ServiceModel, ShapeModel } from "./service-model.ts";

/** One operation of one service. There is exactly one object per operation, so it can be a cache key. */
export interface CompiledOperation {
  readonly name: string;
  readonly model: OperationModel;
  readonly service: CompiledService;
}

/** An error shape of a description and its name there, e.g. `NoSuchEntityException`. */
export interface ErrorShape {
  readonly name: string;
  /** As described, with a `message` member where the description has left it out, as it does for S3. */
  readonly model: ShapeModel;
}

/** A plain string; every description may refer to it. */
const stringShape = "smithy.api#String";

export class CompiledService {
  /** Name of the description, e.g. `sagemaker-runtime`. */
  readonly name: string;
  readonly model: ServiceModel;
  /** The wire protocols that the service speaks, its preferred one first. */
  readonly protocols: readonly ProtocolName[];
  readonly #operations = new Map<string, CompiledOperation>();
  #errors: ReadonlyMap<string, ErrorShape> | undefined;

  constructor(name: string, model: ServiceModel) {
    this.name = name;
    this.model = model;
    this.protocols = model.metadata.protocols ?? [model.metadata.protocol];
  }

  /** The operation of that name, or undefined when the description has none. */
  operation(name: string): CompiledOperation | undefined {
    const known = this.#operations.get(name);
    if (known !== undefined) return known;
    if (!Object.hasOwn(this.model.operations, name)) return undefined;
    const operation = { name, model: this.model.operations[name], service: this };
    this.#operations.set(name, operation);
    return operation;
  }

  /** The shape of that name; a reference to a shape that does not exist is a broken description. */
  shape(name: string): ShapeModel {
    if (name === stringShape) return { type: "string" };
    if (!Object.hasOwn(this.model.shapes, name)) {
      throw new Error(`service description ${this.name}: shape "${name}" is used but not defined`);
    }
    return this.model.shapes[name];
  }

  /** The error shape by its name or by the code it has on the wire (`error.code`); the name wins. */
  errorShape(code: string): ErrorShape | undefined {
    this.#errors ??= errorShapes(this.model);
    return this.#errors.get(code);
  }
}

function errorShapes(model: ServiceModel): ReadonlyMap<string, ErrorShape> {
  const byCode = new Map<string, ErrorShape>();
  const byName = new Map<string, ErrorShape>();
  for (const [name, shape] of Object.entries(model.shapes)) {
    if (!shape.exception) continue;
    const error = { name, model: withMessage(shape) };
    byName.set(name, error);
    if (shape.error?.code !== undefined) byCode.set(shape.error.code, error);
  }
  return new Map([...byCode, ...byName]);
}

function withMessage(shape: ShapeModel): ShapeModel {
  const members = shape.members ?? {};
  if (Object.keys(members).some((name) => name.toLowerCase() === "message")) return shape;
  return { ...shape, members: { ...members, message: { shape: stringShape } } };
}
