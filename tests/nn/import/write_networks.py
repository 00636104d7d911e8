"""PyTorch's side of tests/nn/import: small networks as torch.onnx writes them, and their answers.

  write_networks.py DIR    DIR/NAME.onnx, and DIR/NAME.npy: the logits for five images, wave() of
                           tests/testing.h with a = 1, b = 0.7
"""
import sys
import numpy, torch
from torch import nn


def wave(shape):
    n = int(numpy.prod(shape))
    return torch.sin(0.7 * torch.arange(n, dtype=torch.float64) + 1).reshape(shape).float()


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 5, padding=2), nn.Conv2d(3, 6, 3)
        self.fc1, self.fc2 = nn.Linear(54, 12), nn.Linear(12, 4)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.avg_pool2d(torch.tanh(self.conv2(x)), 2, stride=1, padding=1)[:, :, 1:4, 1:4]
        x = torch.sigmoid(self.fc1(x.reshape(x.size(0), -1).view(x.size(0), -1)))
        return nn.functional.log_softmax(self.fc2(x), dim=1)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                               nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.b = nn.Sequential() if i == o else nn.Sequential(
            nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return torch.relu(self.a(x) + self.b(x))


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x):
        n, l, d = x.shape
        q, k, v = self.qkv(x).reshape(n, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        a = torch.softmax(q @ k.transpose(-2, -1) / (d // self.heads) ** 0.5, dim=-1)
        return self.out((a @ v).transpose(1, 2).reshape(n, l, d))


class Transformer(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.patches = nn.Conv2d(1, d, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, d))
        self.places = nn.Parameter(torch.randn(1, 5, d))
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = Attention(d, 2)
        self.mlp = nn.Sequential(nn.Linear(d, 12), nn.GELU(), nn.Linear(12, d))
        self.head = nn.Linear(d, 4)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], dim=1) + self.places
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm3(x)[:, 0])


class Encoder(nn.Module):
    """Rows of the image as words, through PyTorch's own attention."""
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x):
        x = x.squeeze(1)
        return self.head(self.norm(x + self.attention(x, x, x, need_weights=False)[0]).mean(1))


class Pieces(nn.Module):
    """What the networks above do not have."""
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, padding=2, dilation=2, groups=2), nn.GroupNorm(2, 4)
        self.fc = nn.Linear(28, 4)

    def forward(self, x):
        a, b = torch.chunk(nn.functional.leaky_relu(self.norm(self.conv(x)), 0.2), 2, dim=1)
        y = torch.cat([a * b - a / (b.abs() + 1), (a - b).pow(2).sqrt().clamp(0.1, 0.9)], dim=1)
        y = nn.functional.pad(y, (1, 0, 2, 1), value=0.5)
        y = nn.functional.max_pool2d(y, 3, stride=2, padding=1, ceil_mode=True)
        y = nn.functional.avg_pool2d(y, 2, stride=2, count_include_pad=False, ceil_mode=True)
        y = y - y.mean((2, 3), keepdim=True) + nn.functional.hardtanh(y) * nn.functional.elu(y)
        z = y.unsqueeze(1).squeeze(1).transpose(1, 2)[:, :2].contiguous()
        z = z.view(z.size(0), z.size(1) * z.size(2), -1).flatten(1)
        return torch.softmax(self.fc(torch.cat([z, y.max(3)[0].mean(2)], dim=1)), dim=1)


def write(folder, name, net, image, opset, batch=True, logits=None, **more):
    torch.manual_seed(len(name))
    net = net().train()
    for _ in range(3):  # so that batch norm has seen something
        net(torch.randn(6, *image) * 2 + 1)
    net.eval()
    x = wave((5, *image))
    torch.onnx.export(net, x[:2] if batch else x[:1], f'{folder}/{name}.onnx', opset_version=opset,
                      input_names=['x'], output_names=['y'],
                      dynamic_axes={
  'x' : {
    0 : 'n'
  }} if batch else None, **more)
    y = net(x).detach()
    numpy.save(f'{folder}/{name}.npy', (y.log() if logits else y).numpy())


def vgg():
    layers = []
    for i, o in (1, 3), (3, 4):
        layers += [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(),
                         nn.Linear(16, 4), nn.Softmax(1))


def resnet():
    return nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
                         nn.MaxPool2d(3, 2, 1), Block(4, 4, 1), Block(4, 6, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 4))


if __name__ == '__main__':
    to = sys.argv[1]
    write(to, 'mlp', mlp, (1, 6, 6), 7)
    write(to, 'lenet', LeNet, (1, 12, 12), 11)
    write(to, 'lenet-one', LeNet, (1, 12, 12), 9, batch=False)
    write(to, 'vgg', vgg, (1, 8, 8), 12, logits=True, do_constant_folding=False,
          training=torch.onnx.TrainingMode.PRESERVE)
    write(to, 'resnet', resnet, (3, 12, 12), 13)
    write(to, 'transformer', Transformer, (1, 8, 8), 14)
    write(to, 'transformer-17', Transformer, (1, 8, 8), 17, batch=False)
    write(to, 'encoder', Encoder, (1, 6, 8), 13)
    for opset in 9, 13:
        write(to, f'pieces-{opset}', Pieces, (2, 7, 9), opset, logits=True)
