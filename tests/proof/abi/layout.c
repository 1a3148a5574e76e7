/* The layout of every public structure, and the header as the first thing that is included. Compiled
 * alone, as C and as C++: nothing runs. */
#include <entropy.h>

#ifdef __cplusplus
#define CHECK static_assert
#else
#define CHECK _Static_assert
#endif
#define SIZE(type, size) CHECK(sizeof(type) == size, #type)
#define AT(type, member, offset) CHECK(offsetof(type, member) == offset, #type "." #member)

SIZE(entropy_args, 176);
AT(entropy_args, size, 0);
AT(entropy_args, logits, 8);
AT(entropy_args, dtype, 16);
AT(entropy_args, num_threads, 20);
AT(entropy_args, batch, 24);
AT(entropy_args, seq, 32);
AT(entropy_args, vocab, 40);
AT(entropy_args, batch_stride, 48);
AT(entropy_args, seq_stride, 56);
AT(entropy_args, temperature, 64);
AT(entropy_args, temperature_stride, 72);
AT(entropy_args, target, 80);
AT(entropy_args, row_mask, 88);
AT(entropy_args, allowed, 96);
AT(entropy_args, allowed_stride, 104);
AT(entropy_args, entropy, 112);
AT(entropy_args, varentropy, 120);
AT(entropy_args, logsumexp, 128);
AT(entropy_args, max_logit, 136);
AT(entropy_args, max_logprob, 144);
AT(entropy_args, target_logprob, 152);
AT(entropy_args, argmax, 160);
AT(entropy_args, support, 168);

SIZE(entropy_grads, 56);
AT(entropy_grads, size, 0);
AT(entropy_grads, entropy, 8);
AT(entropy_grads, logsumexp, 16);
AT(entropy_grads, target_logprob, 24);
AT(entropy_grads, logits, 32);
AT(entropy_grads, batch_stride, 40);
AT(entropy_grads, seq_stride, 48);

SIZE(entropy_state, 128);
AT(entropy_state, version, 0);
AT(entropy_state, temperature, 8);
AT(entropy_state, max, 16);
AT(entropy_state, ties, 24);
AT(entropy_state, sum, 32);
AT(entropy_state, first_moment, 40);
AT(entropy_state, second_moment, 48);
AT(entropy_state, argmax, 56);
AT(entropy_state, support, 64);
AT(entropy_state, length, 72);
AT(entropy_state, target_logit, 80);
AT(entropy_state, flags, 88);
AT(entropy_state, reserved, 96);

int main(void)
{
    entropy_state state;
    entropy_state_init(&state);
    return 0;
}
