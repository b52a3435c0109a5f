import { expect, test } from "vitest";
import { Place, archive } from "../../../tests/support/serving/place.ts";

/**
 * A model as XGBoost 1.7 saves it in JSON: one tree that answers 1 where feature 0 is below 2 and 5 elsewhere, on a
 * base score of 0.5, so that predictions are 1.5 and 5.5.
 */
const stump = {
  learner: {
    attributes: {},
    feature_names: [],
    feature_types: [],
    gradient_booster: {
      model: {
        gbtree_model_param: { num_parallel_tree: "1", num_trees: "1", size_leaf_vector: "0" },
        tree_info: [0],
        trees: [
          {
            base_weights: [0, 1, 5],
            categories: [],
            categories_nodes: [],
            categories_segments: [],
            categories_sizes: [],
            default_left: [1, 0, 0],
            id: 0,
            left_children: [1, -1, -1],
            loss_changes: [1, 0, 0],
            parents: [2147483647, 0, 0],
            right_children: [2, -1, -1],
            split_conditions: [2, 1, 5],
            split_indices: [0, 0, 0],
            split_type: [0, 0, 0],
            sum_hessian: [2, 1, 1],
            tree_param: { num_deleted: "0", num_feature: "2", num_nodes: "3", size_leaf_vector: "0" },
          },
        ],
      },
      name: "gbtree",
    },
    learner_model_param: {
      base_score: "5E-1",
      boost_from_average: "1",
      num_class: "0",
      num_feature: "2",
      num_target: "1",
    },
    objective: { name: "reg:squarederror", reg_loss_param: { scale_pos_weight: "1" } },
  },
  version: [1, 7, 4],
};

test("a model of a built-in algorithm is served by its image's name", async () => {
  const place = await Place.make("built-in");
  try {
    const variant = await place.variant("AllTraffic", 1, {
      image: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    });
    place.storage.put("models", "AllTraffic/model.tar.gz", await archive({ "xgboost-model": JSON.stringify(stump) }));
    await place.deploy([variant]);
    const { status, text } = await place.ask("1,7\n3,7\n");
    expect(status).toBe(200);
    expect(text.trim().split(/[\n,]/).map(Number)).toEqual([1.5, 5.5]);
    expect(await place.ask("1,two")).toMatchObject({ status: 415 });
  } finally {
    await place.end();
  }
});

test("an archive without a model fails with the algorithm's own words", async () => {
  const place = await Place.make("built-in");
  try {
    const image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
    const variant = await place.variant("AllTraffic", 1, { image });
    place.storage.put("models", "AllTraffic/model.tar.gz", await archive({ ".hidden": "" }));
    await expect(place.deploy([variant])).rejects.toThrow(
      "Its last lines: the model cannot be served: The model archive has no model file; xgboost-model is expected at its root.",
    );
  } finally {
    await place.end();
  }
});
