"""The steps of a workshop notebook of 2021, as its cells have them: session, bucket, upload, train, deploy, predict, clean up."""

import os
import random
import sys
import tempfile
import time

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
region = session.boto_region_name
account = boto3.client("sts").get_caller_identity()["Account"]
bucket = f"sagemaker-{region}-{account}"
print("bucket", session.default_bucket() == bucket)
role = boto3.client("iam").get_role(RoleName="SagebrushExecutionRole")["Role"]["Arn"]
s3 = boto3.resource("s3")
job_bucket = sys.argv[1]
try:
    boto3.client("s3").create_bucket(Bucket=job_bucket)
except Exception as error:  # the notebook prints what is there already
    print(error)

folder = tempfile.mkdtemp()
generator = random.Random(1)
with open(os.path.join(folder, "train.csv"), "w") as file:
    for _ in range(1000):
        a, b = generator.random(), generator.random()
        file.write(f"{int(a + b > 1)},{a},{b}\n")
uri = session.upload_data(folder, bucket=job_bucket, key_prefix="data/train")
print("uploaded", [each.key for each in s3.Bucket(job_bucket).objects.filter(Prefix="data/")])

image = sagemaker.image_uris.retrieve("xgboost", region, "1.3-1")
estimator = Estimator(
    image,
    role,
    instance_count=1,
    instance_type="ml.m5.xlarge",
    output_path=f"s3://{job_bucket}/output",
    sagemaker_session=session,
    disable_profiler=True,
    hyperparameters={"objective": "binary:logistic", "num_round": 20, "eval_metric": "auc"},
)
estimator.fit({"train": TrainingInput(uri, content_type="text/csv")}, logs="All")
print("model", estimator.model_data.endswith("/output/model.tar.gz"))
predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer())
print("\nscores", [round(float(score)) for score in predictor.predict([[0.9, 0.9], [0.1, 0.1]]).split()])
client = boto3.client("sagemaker")
print("status", client.describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointStatus"])
predictor.delete_endpoint()
for _ in range(60):
    try:
        client.describe_endpoint(EndpointName=predictor.endpoint_name)
        time.sleep(0.5)
    except client.exceptions.ClientError as error:
        print("gone", "Could not find" in str(error))
        break
