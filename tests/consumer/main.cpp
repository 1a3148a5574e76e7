#include <entropy.h>

#include <iostream>
#include <vector>

int main()
{
    const std::vector<float> logits(3000, 1e5f);
    std::vector<float> H(3);
    const int status = entropy_f32(logits.data(), 1, 3, 1000, H.data());
    std::cout << entropy_version() << ' ' << entropy_strerror(status) << ": " << H[0] << '\n';
    return !(status == ENTROPY_OK && H[0] > 6.9077f && H[0] < 6.9078f && H[2] == H[0]);
}
