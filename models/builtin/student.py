"""The student: DeiT with a distillation token, at the size of the photos.

A photo of 32 x 32 becomes 64 patches of 4 x 4.  Two tokens go before them: the class token, whose head learns the
true label, and the distillation token, whose head learns the teacher's.  Names of tensors are timm's.
"""

import torch
from torch import nn
from torch.nn import functional as F


class PatchEmbed(nn.Module):
    def __init__(self, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, photos):
        return self.proj(photos).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, width, n_heads):
        super().__init__()
        self.n_heads, self.head_width = n_heads, width // n_heads
        self.scale = self.head_width ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, n_kept=None):
        batch, tokens, width = x.shape
        heads = self.qkv(x).reshape(batch, tokens, 3, self.n_heads, self.head_width)
        q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)
        if n_kept is not None:
            q = q[:, :, :n_kept]
        # Written out, because the fused CPU attention of PyTorch spends half of a training step in its backward pass.
        weights = (q * self.scale @ k.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, q.shape[2], width))


class Mlp(nn.Module):
    def __init__(self, width, ratio):
        super().__init__()
        self.fc1 = nn.Linear(width, ratio * width)
        self.fc2 = nn.Linear(ratio * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, n_heads, ratio):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, n_heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, ratio)

    def forward(self, x, n_kept=None):
        """All tokens are looked at; only the first 'n_kept' go on (all, if it is None)."""
        mixed = self.attn(self.norm1(x), n_kept)
        x = (x if n_kept is None else x[:, :n_kept]) + mixed
        return x + self.mlp(self.norm2(x))


class Student(nn.Module):
    """Photos (B, 3, 32, 32), normalised, to logits (B, 2, classes): class head, then distillation head.

    What an application asks for is their average: AverageOfHeads.
    """

    def __init__(self, img_size=32, patch_size=4, embed_dim=192, depth=6, num_heads=3, num_classes=10):
        super().__init__()
        n_patches = (img_size // patch_size) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 2 + n_patches, embed_dim))
        self.patch_embed = PatchEmbed(patch_size, embed_dim)
        self.blocks = nn.ModuleList(Block(embed_dim, num_heads, ratio=4) for _ in range(depth))
        self.norm = nn.LayerNorm(embed_dim, eps=1e-6)
        self.head = nn.Linear(embed_dim, num_classes)
        self.head_dist = nn.Linear(embed_dim, num_classes)
        self.apply(initialise)
        for table in (self.cls_token, self.dist_token, self.pos_embed):
            nn.init.trunc_normal_(table, std=0.02)

    def heads(self, photos):
        batch = photos.shape[0]
        x = torch.cat((self.cls_token.expand(batch, -1, -1), self.dist_token.expand(batch, -1, -1),
                       self.patch_embed(photos)), 1) + self.pos_embed
        for block in self.blocks[:-1]:
            x = block(x)
        # Nobody reads the patches after the last block, so training leaves them out there: an eighth of the work.
        x = self.norm(self.blocks[-1](x, n_kept=2 if self.training else None))
        return self.head(x[:, 0]), self.head_dist(x[:, 1])

    def forward(self, photos):
        return torch.stack(self.heads(photos), 1)


class AverageOfHeads(nn.Module):
    """The whole answer as one module: (B, 3, 32, 32) to (B, classes)."""

    def __init__(self, student):
        super().__init__()
        self.student = student

    def forward(self, photos):
        from_class, from_distillation = self.student.heads(photos)
        return (from_class + from_distillation) / 2


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
