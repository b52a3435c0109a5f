/**
 * The policies that AWS manages, those that work with SageMaker names: attached by ARN, changed by nobody.
 *
 * Made on first use: few servers ever look at all of them.
 */
import { createHash } from "node:crypto";
import { base32Alphabet } from "../../../util/random-text.ts";
import type { ManagedPolicy } from "../entities.ts";
import { administrationPolicies } from "./administration.ts";
import { aiServicesPolicies } from "./ai-services.ts";
import { analyticsPolicies } from "./analytics.ts";
import { monitoringV2Policies } from "./monitoring-v2.ts";
import { monitoringPolicies } from "./monitoring.ts";
import { sagemakerCanvasPolicies } from "./sagemaker-canvas.ts";
import { sagemakerDataPrepPolicies } from "./sagemaker-data-prep.ts";
import { sagemakerFeaturesPolicies } from "./sagemaker-features.ts";
import { sagemakerNotebooksPolicies } from "./sagemaker-notebooks.ts";
import { sagemakerPolicies } from "./sagemaker.ts";
import { serverlessPolicies } from "./serverless.ts";
import type { AwsPolicy } from "./statements.ts";
import { storagePolicies } from "./storage.ts";

const all: readonly AwsPolicy[] = [
  ...administrationPolicies,
  ...sagemakerPolicies,
  ...sagemakerFeaturesPolicies,
  ...sagemakerCanvasPolicies,
  ...sagemakerDataPrepPolicies,
  ...sagemakerNotebooksPolicies,
  ...storagePolicies,
  ...analyticsPolicies,
  ...aiServicesPolicies,
  ...serverlessPolicies,
  ...monitoringPolicies,
  ...monitoringV2Policies,
];

let byArn: ReadonlyMap<string, ManagedPolicy> | undefined;

/** All of them by ARN, ordered by name. */
export function awsManagedPolicies(): ReadonlyMap<string, ManagedPolicy> {
  byArn ??= new Map(
    all
      .map(toManagedPolicy)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((policy) => [policy.arn, policy]),
  );
  return byArn;
}

/** Only AWS itself gives them to roles: those that its services make for themselves. */
export function isForServicesOnly({ path }: { readonly path: string }): boolean {
  return path === "/aws-service-role/";
}

function toManagedPolicy({ name, path, asOf, about, statements }: AwsPolicy): ManagedPolicy {
  const arn = `arn:aws:iam::aws:policy${path ?? "/"}${name}`;
  const createdAt = Date.parse(asOf);
  // Indented, so that places in it (line and column) say something to people.
  const document = JSON.stringify({ Version: "2012-10-17", Statement: statements }, undefined, 2);
  return {
    path: path ?? "/",
    name,
    id: `ANPA${stableText(arn, 17)}`,
    arn,
    createdAt,
    updatedAt: createdAt,
    description: about,
    defaultVersion: "v1",
    versions: [{ id: "v1", document, createdAt }],
    lastVersion: 1,
  };
}

function stableText(seed: string, length: number): string {
  const digest = createHash("sha256").update(seed).digest();
  return Array.from(digest.subarray(0, length), (byte) => base32Alphabet[byte % 32]).join("");
}
