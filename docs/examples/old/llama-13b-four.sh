# The advice for 13B on four V100
MODEL_NAME="meta-llama/Llama-2-13b-chat-hf"
GPU_COUNT=4
