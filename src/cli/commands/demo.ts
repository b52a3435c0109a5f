/**
 * `sagebrush demo`: the README's story on a server of its own, printing each call and what came back.
 *
 * The server is a real `sagebrush up` on a free port with a data directory that is removed at the end.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, createSignedFetch, type ClientOptions, type SignedFetch } from "../../protocol/client/index.ts";
import type { CloudWatchLogsOperations } from "../../protocol/generated/logs.ts";
import type { SageMakerOperations } from "../../protocol/generated/sagemaker.ts";
import { entryPoint } from "../../util/entry-point.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCodes } from "../failure.ts";
import { say } from "../language.ts";
import type { OutputOptions } from "../output.ts";

const role = "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole";
const image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
const waitMs = 60_000;

/** A made-up shop: who comes back, from age, visits and days since the last visit. Seeded, so every run is alike. */
export function makeCustomers(count: number, seed: number): string {
  let state = seed;
  const uniform = () => {
    // Lehmer's generator: multiplier 48271 modulo 2^31 - 1 (Park and Miller, 1993).
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const rows: string[] = [];
  for (let row = 0; row < count; row += 1) {
    const age = Math.round(18 + 60 * uniform());
    const visits = Math.floor(20 * uniform() ** 2);
    const days = Math.round(120 * uniform());
    const margin = 0.35 * visits - 0.05 * days + (age > 40 ? 1 : -0.5);
    const returns = uniform() < 1 / (1 + Math.exp(-margin)) ? 1 : 0;
    rows.push([returns, age, visits, days].join(","));
  }
  return `${rows.join("\n")}\n`;
}

interface Story {
  readonly sagemaker: ReturnType<typeof createClient<SageMakerOperations>>;
  readonly logs: ReturnType<typeof createClient<CloudWatchLogsOperations>>;
  readonly s3: SignedFetch;
  readonly runtime: SignedFetch;
  /** Prints a call as the AWS CLI would be given it, runs it, and prints what came back. */
  readonly step: <Result>(
    call: string,
    run: () => Promise<Result>,
    show: (result: Result) => string,
  ) => Promise<Result>;
}

export async function demo(options: OutputOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "sagebrush-demo-"));
  const started = performance.now();
  let server: ChildProcess | undefined;
  try {
    server = await startServer(directory);
    const steps: { call: string; milliseconds: number; answer: string }[] = [];
    const connection = connect({ dataDir: directory });
    const { url: endpoint, region, credentials } = connection;
    const common: Omit<ClientOptions<"s3">, "service"> = { endpoint, region, credentials };
    const announce = (text: string) => {
      if (!options.json) console.log(text);
    };
    announce(say({ en: "server on {url}", ko: "서버: {url}" }, { url: endpoint }));
    await tellStory({
      sagemaker: createClient<SageMakerOperations>({ ...common, service: "sagemaker" }),
      logs: createClient<CloudWatchLogsOperations>({ ...common, service: "logs" }),
      s3: createSignedFetch({ ...common, service: "s3" }),
      runtime: createSignedFetch({ ...common, service: "sagemaker-runtime" }),
      async step(call, run, show) {
        announce(`\n$ ${call}`);
        const before = performance.now();
        const result = await run();
        const milliseconds = Math.round(performance.now() - before);
        const answer = show(result);
        announce(`${answer}   (${milliseconds} ms)`);
        steps.push({ call, milliseconds, answer });
        return result;
      },
    });
    const seconds = (performance.now() - started) / 1000;
    if (options.json) console.log(JSON.stringify({ seconds, steps }, undefined, 2));
    else
      console.log(
        `\n${say({ en: "the whole story took {seconds} s", ko: "전체 {seconds} 초" }, { seconds: seconds.toFixed(1) })}`,
      );
  } finally {
    if (server !== undefined && server.exitCode === null) {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startServer(directory: string): Promise<ChildProcess> {
  const command = entryPoint(import.meta.url, "../main.ts");
  const server = spawn(process.execPath, [command, "up", "--json", "--port", "0", "--data-dir", directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let announced = "";
  for await (const chunk of server.stdout!) {
    announced += String(chunk);
    if (announced.includes("\n}\n")) {
      server.stdout!.resume();
      return server;
    }
  }
  throw new CommandFailure(
    exitCodes.failed,
    "the server of the demo ended before it was ready; its messages are above",
  );
}

async function tellStory({ sagemaker, logs, s3, runtime, step }: Story): Promise<void> {
  const train = makeCustomers(4000, 7243);
  const validation = makeCustomers(1000, 42);
  await step(
    "aws s3 mb s3://shop",
    () => s3({ method: "PUT", path: "/shop" }),
    () => "make_bucket: shop",
  );
  for (const [channel, body] of [
    ["train", train],
    ["validation", validation],
  ] as const) {
    await step(
      `aws s3 cp ${channel}.csv s3://shop/${channel}/`,
      () => s3({ method: "PUT", path: `/shop/${channel}/${channel}.csv`, body }),
      (answer) => `ETag ${answer.headers.get("etag")}, ${body.split("\n").length - 1} rows`,
    );
  }
  const channel = (name: string) => ({
    ChannelName: name,
    ContentType: "text/csv",
    DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: `s3://shop/${name}/` } },
  });
  await step(
    "aws sagemaker create-training-job --training-job-name who-comes-back --hyper-parameters objective=binary:logistic,num_round=40,eval_metric=auc ...",
    () =>
      sagemaker.call("CreateTrainingJob", {
        TrainingJobName: "who-comes-back",
        AlgorithmSpecification: { TrainingImage: image, TrainingInputMode: "File" },
        RoleArn: role,
        HyperParameters: { objective: "binary:logistic", num_round: "40", max_depth: "4", eval_metric: "auc" },
        InputDataConfig: [channel("train"), channel("validation")],
        OutputDataConfig: { S3OutputPath: "s3://shop/output" },
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
        StoppingCondition: { MaxRuntimeInSeconds: 600 },
      }),
    ({ TrainingJobArn }) => TrainingJobArn,
  );
  const job = await step(
    "aws sagemaker wait training-job-completed-or-stopped --training-job-name who-comes-back",
    () =>
      until(
        () => sagemaker.call("DescribeTrainingJob", { TrainingJobName: "who-comes-back" }),
        (each) => each.TrainingJobStatus !== "InProgress",
      ),
    (each) =>
      [
        `${each.TrainingJobStatus}: ${(each.SecondaryStatusTransitions ?? []).map(({ Status }) => Status).join(" > ")}`,
        ...(each.FinalMetricDataList ?? []).map(({ MetricName, Value }) => `${MetricName} ${Value}`),
      ].join("\n"),
  );
  if (job.TrainingJobStatus !== "Completed")
    throw new CommandFailure(exitCodes.failed, `the training job failed: ${job.FailureReason}`);

  const group = { logGroupName: "/aws/sagemaker/TrainingJobs" };
  const { logStreams } = await logs.call("DescribeLogStreams", { ...group, logStreamNamePrefix: "who-comes-back/" });
  const logStreamName = logStreams![0].logStreamName!;
  await step(
    `aws logs get-log-events --log-group-name ${group.logGroupName} --log-stream-name ${logStreamName}`,
    () => logs.call("GetLogEvents", { ...group, logStreamName, startFromHead: true }),
    ({ events }) => `${events!.length} lines, the last: ${events!.at(-1)!.message}`,
  );

  const modelData = job.ModelArtifacts!.S3ModelArtifacts!;
  await step(
    `aws sagemaker create-model --model-name shop --primary-container Image=...,ModelDataUrl=${modelData}`,
    () =>
      sagemaker.call("CreateModel", {
        ModelName: "shop",
        ExecutionRoleArn: role,
        PrimaryContainer: { Image: image, ModelDataUrl: modelData },
      }),
    ({ ModelArn }) => ModelArn,
  );
  await step(
    "aws sagemaker create-endpoint-config --endpoint-config-name shop ...",
    () =>
      sagemaker.call("CreateEndpointConfig", {
        EndpointConfigName: "shop",
        ProductionVariants: [
          { VariantName: "AllTraffic", ModelName: "shop", InitialInstanceCount: 1, InstanceType: "ml.m5.large" },
        ],
      }),
    ({ EndpointConfigArn }) => EndpointConfigArn,
  );
  await step(
    "aws sagemaker create-endpoint --endpoint-name shop --endpoint-config-name shop && aws sagemaker wait endpoint-in-service --endpoint-name shop",
    async () => {
      await sagemaker.call("CreateEndpoint", { EndpointName: "shop", EndpointConfigName: "shop" });
      return until(
        () => sagemaker.call("DescribeEndpoint", { EndpointName: "shop" }),
        (each) => each.EndpointStatus !== "Creating",
      );
    },
    ({ EndpointStatus, FailureReason }) => `${EndpointStatus} ${FailureReason ?? ""}`.trim(),
  );
  await step(
    "printf '55,18,2\\n22,0,110\\n' | aws sagemaker-runtime invoke-endpoint --endpoint-name shop --content-type text/csv --body fileb:///dev/stdin out.csv",
    async () => {
      const answer = await runtime({
        method: "POST",
        path: "/endpoints/shop/invocations",
        headers: { "content-type": "text/csv" },
        body: "55,18,2\n22,0,110\n",
      });
      return { text: await answer.text(), variant: answer.headers.get("x-amzn-invoked-production-variant") };
    },
    ({ text, variant }) =>
      `${text.trim().split("\n").join("\n")}\n(from variant ${variant}: a regular comes back, a stranger does not)`,
  );
  await step(
    "aws sagemaker list-endpoints",
    () => sagemaker.call("ListEndpoints", {}),
    ({ Endpoints }) =>
      Endpoints.map(({ EndpointName, EndpointStatus }) => `${EndpointName} ${EndpointStatus}`).join("\n"),
  );
  await step(
    "aws sagemaker delete-endpoint --endpoint-name shop; delete-endpoint-config; delete-model",
    async () => {
      await sagemaker.call("DeleteEndpoint", { EndpointName: "shop" });
      await sagemaker.call("DeleteEndpointConfig", { EndpointConfigName: "shop" });
      await sagemaker.call("DeleteModel", { ModelName: "shop" });
      return until(
        () => sagemaker.call("ListEndpoints", {}),
        ({ Endpoints }) => Endpoints.length === 0,
      );
    },
    () => say({ en: "deleted", ko: "삭제했습니다" }),
  );
}

async function until<Result>(look: () => Promise<Result>, done: (result: Result) => boolean): Promise<Result> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const result = await look();
    if (done(result)) return result;
    if (performance.now() > deadline)
      throw new CommandFailure(exitCodes.failed, `nothing changed for ${waitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
