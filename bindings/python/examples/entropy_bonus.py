"""A policy that must not make up its mind too early: REINFORCE with and without an entropy bonus.

A game of one move: of 64 actions, drawn from softmax(logits), the first eight pay 0.5, the last pays 1, the others
nothing, all with noise. At first the policy meets the eight modest actions more often than the best one. Without a
bonus it settles for them.

    python entropy_bonus.py [picture.png]
"""

import sys

import torch

from libentropy.torch import stats

ACTIONS, BATCH, STEPS = 64, 32, 500


def reward(action: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    paid = 0.5 * (action < 8).float() + (action == ACTIONS - 1).float()
    return paid + 0.1 * torch.randn(action.shape, generator=generator)


def train(bonus: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The reward and the entropy at every step; the bonus falls to 0 over the first two thirds."""
    generator = torch.Generator().manual_seed(seed)
    state = torch.randn(BATCH, 16, generator=generator)
    policy = torch.nn.Linear(16, ACTIONS)
    torch.nn.init.zeros_(policy.weight)
    torch.nn.init.zeros_(policy.bias)
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.03)
    rewards, entropies = torch.zeros(STEPS), torch.zeros(STEPS)
    for step in range(STEPS):
        logits = policy(state)
        action = torch.multinomial(logits.detach().softmax(-1), 1, generator=generator).squeeze(-1)
        gained = reward(action, generator)
        policy_of = stats(logits, action)
        beta = bonus * max(0.0, 1 - step / (2 * STEPS / 3))
        loss = -((gained - gained.mean()) * policy_of.target_logprob + beta * policy_of.entropy).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rewards[step], entropies[step] = gained.mean(), policy_of.entropy.mean().detach()
    return rewards, entropies


def main() -> dict[float, float]:
    """Trains both and returns the mean reward of the last 100 steps for each bonus."""
    torch.set_num_threads(1)  # for tensors this small, threads only wait for each other
    runs = {}
    for bonus in (0.0, 0.3):
        runs[bonus] = [torch.stack(series) for series in zip(*(train(bonus, seed) for seed in range(4)))]
    last = {}
    for bonus, (rewards, entropies) in runs.items():
        last[bonus] = rewards[:, -100:].mean().item()
        print(f"bonus {bonus}: reward {last[bonus]:.3f}, entropy {entropies[:, -100:].mean():.3f} nats at the end")
    if len(sys.argv) > 1:
        plot(runs, sys.argv[1])
    return last


def plot(runs, path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), constrained_layout=True)
    for axis, series, label in zip(axes, (0, 1), ("reward", "entropy of the policy / nats")):
        for bonus, values in runs.items():
            mean = values[series].mean(0).unfold(0, 20, 1).mean(-1)
            axis.plot(mean, label=f"entropy bonus {bonus}" if bonus else "no bonus")
        axis.set_xlabel("step")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
