/** How to speak to the services that the command line and the studio use; a test compares this with the descriptions. */

interface JsonService {
  readonly protocol: "json";
  readonly signingName: string;
  readonly targetPrefix: string;
  readonly jsonVersion: "1.0" | "1.1";
}

interface QueryService {
  readonly protocol: "query";
  readonly signingName: string;
  readonly apiVersion: string;
}

interface RestService {
  readonly protocol: "rest";
  readonly signingName: string;
}

export const clientServices = {
  sagemaker: { protocol: "json", signingName: "sagemaker", targetPrefix: "SageMaker", jsonVersion: "1.1" },
  logs: { protocol: "json", signingName: "logs", targetPrefix: "Logs_20140328", jsonVersion: "1.1" },
  cloudwatch: {
    protocol: "json",
    signingName: "monitoring",
    targetPrefix: "GraniteServiceVersion20100801",
    jsonVersion: "1.0",
  },
  sts: { protocol: "query", signingName: "sts", apiVersion: "2011-06-15" },
  iam: { protocol: "query", signingName: "iam", apiVersion: "2010-05-08" },
  s3: { protocol: "rest", signingName: "s3" },
  "sagemaker-runtime": { protocol: "rest", signingName: "sagemaker" },
} as const satisfies Readonly<Record<string, JsonService | QueryService | RestService>>;

export type ClientServiceName = keyof typeof clientServices;
type NamesOf<Protocol> = {
  [Name in ClientServiceName]: (typeof clientServices)[Name]["protocol"] extends Protocol ? Name : never;
}[ClientServiceName];
export type JsonServiceName = NamesOf<"json">;
export type QueryServiceName = NamesOf<"query">;
