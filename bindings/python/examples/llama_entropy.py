"""What a language model is sure of: a text, with entropy, varentropy and the temperature at every token.

pip install llama-cpp-python
python llama_entropy.py MODEL.gguf [PROMPT]
"""

import sys

from llama_cpp import Llama, LogitsProcessorList

from libentropy.llama import EntropyTemperature


def main() -> None:
    prompt = sys.argv[2] if len(sys.argv) > 2 else "The first ten numbers are one, two, three,"
    llm = Llama(sys.argv[1], seed=1, verbose=False)
    sampler = EntropyTemperature(low=0.2, high=1.0, high_at=3.0)
    tokens = []
    # Without top_k and the like, the temperature alone decides.
    options = dict(temp=1.0, top_k=0, top_p=1.0, min_p=0.0, logits_processor=LogitsProcessorList([sampler]))
    for token in llm.generate(llm.tokenize(prompt.encode()), **options):
        tokens.append(token)
        if len(tokens) == 24 or token == llm.token_eos():
            break
    print("token            entropy  varentropy  temperature")
    for token, H, V, T in zip(tokens, sampler.entropy, sampler.varentropy, sampler.temperature):
        print(f"{llm.detokenize([token]).decode(errors='replace')!r:15} {H:8.4f} {V:11.4f} {T:12.3f}")


if __name__ == "__main__":
    main()
