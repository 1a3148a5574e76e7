#include <entropy.h>
#include <stdio.h>

int main(void)
{
    const float logits[2][4] = {{2.0f, 1.0f, 0.5f, 0.3f}, {20.0f, 0.0f, 0.0f, 0.0f}};
    float H[2];
    const int status = entropy_f32(logits[0], 1, 2, 4, H);
    printf("%s %s: %s, %.4f %.4e\n", entropy_version(), entropy_isa(), entropy_strerror(status),
           H[0], H[1]);
    return !(status == ENTROPY_OK && H[0] > 1.144f && H[0] < 1.145f && H[1] > 1.298e-7f &&
             H[1] < 1.299e-7f);
}
