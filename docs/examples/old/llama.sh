# Llama 2 on one V100, unquantized
NAMESPACE="wXYZ123-default"
TGI_DEPLOYMENT_NAME="my-tgi"
TGI_SERVICE_NAME="my-tgi"
WEBUI_DEPLOYMENT_NAME="tgi-webui"
WEBUI_SERVICE_NAME="tgi-webui"
USE_GPU=true
GPU_TYPE="gpu-tesla-v100"
GPU_COUNT=1
MODEL_NAME="meta-llama/Llama-2-7b-chat-hf"
QUANTIZATION=""
MAX_MODEL_LEN=4096
