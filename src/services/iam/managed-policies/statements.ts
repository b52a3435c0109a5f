/**
 * The notation of AWS's managed policies here: what AWS documents of them (actions, resources, conditions), written
 * shorter. Source: "AWS managed policy reference"; the words about them are ours.
 */

export interface AwsPolicy {
  readonly name: string;
  /** `/` unless given. */
  readonly path?: "/service-role/" | "/job-function/" | "/aws-service-role/";
  /** The day of the version of AWS's that it follows. */
  readonly asOf: string;
  /** What it is for, one sentence. */
  readonly about: string;
  readonly statements: readonly Statement[];
}

export type Statement = Readonly<Record<string, unknown>>;

/** Action names by service, separated by spaces: `{ s3: "Get* List*" }`. */
export type Actions = "*" | Readonly<Record<string, string | readonly string[]>>;
type Resources = string | readonly string[];
/** Operators to keys to values. */
type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** Everything but this: NotAction, NotResource. */
interface Except<Value> {
  readonly except: Value;
}

export function except<Value>(value: Value): Except<Value> {
  return { except: value };
}

export function allow(
  actions: Actions | Except<Actions>,
  resources: Resources | Except<Resources> = "*",
  conditions?: Conditions,
): Statement {
  return {
    Effect: "Allow",
    ...(isExcept(actions) ? { NotAction: actionList(actions.except) } : { Action: actionList(actions) }),
    ...(isExcept(resources) ? { NotResource: resources.except } : { Resource: resources }),
    ...(conditions === undefined ? {} : { Condition: conditions }),
  };
}

function isExcept<Value extends object | string>(value: Value | Except<Value>): value is Except<Value> {
  return typeof value === "object" && Object.hasOwn(value, "except");
}

function actionList(actions: Actions): Resources {
  if (actions === "*") return "*";
  return Object.entries(actions).flatMap(([service, names]) =>
    [names].flat().flatMap((line) => line.split(" ").map((name) => `${service}:${name}`)),
  );
}
