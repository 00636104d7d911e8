"""PyTorch's side of weights_test: a small network, and the file format in a few lines.

  pytorch_model.py write DIR        DIR/model.safetensors: the network's state_dict;
                                    DIR/answers.safetensors: images x and its logits y for them
  pytorch_model.py answer FILE OUT  loads a state_dict from FILE, strictly, and writes x and y to OUT
"""
import json, struct, sys
import torch


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1, bias=False), torch.nn.BatchNorm2d(2), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(18, 4), torch.nn.ReLU(),
        torch.nn.Linear(4, 3))


def images():
    return torch.sin(torch.arange(5 * 36.0)).reshape(5, 1, 6, 6)


def save(path, tensors):
    header, data = {}, b''
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: 'F32', torch.int64: 'I64'}[tensor.dtype]
        header[name] = {'dtype': dtype, 'shape': list(tensor.shape),
                        'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)


def load(path):
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = bytearray(file.read())
    header.pop('__metadata__', None)
    tensors = {}
    for name, entry in header.items():
        assert entry['dtype'] == 'F32', entry
        begin, end = entry['data_offsets']
        tensors[name] = torch.frombuffer(data[begin:end], dtype=torch.float32).reshape(entry['shape'])
    return tensors


def answers(net):
    net.eval()
    return {'x': images(), 'y': net(images())}


if sys.argv[1] == 'write':
    net = network()
    for _ in range(3):  # so that batch norm has seen something
        net(images() * 2 + 1)
    save(sys.argv[2] + '/model.safetensors', net.state_dict())
    save(sys.argv[2] + '/answers.safetensors', answers(net))
else:
    net = network()
    net.load_state_dict(load(sys.argv[2]))
    save(sys.argv[3], answers(net))
