# The advice for 13B on two V100
MODEL_NAME="meta-llama/Llama-2-13b-chat-hf"
GPU_COUNT=2
QUANTIZATION="awq"
