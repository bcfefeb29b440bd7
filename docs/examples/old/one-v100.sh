# One V100 with 16 GB
export MODEL_NAME="microsoft/phi-2"
export QUANTIZATION="awq"
export CUDA_MEMORY_FRACTION=0.85
export MAX_INPUT_LENGTH=2048
export MAX_TOTAL_TOKENS=4096
export DSHM_SIZE="4Gi"
