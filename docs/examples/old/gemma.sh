# Another model by change-model.sh
MODEL_NAME="google/gemma-7b-it"
GPU_COUNT=1
