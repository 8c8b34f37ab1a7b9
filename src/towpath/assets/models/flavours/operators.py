"""The operators that a packaged graph of PyTorch may use.

The list is the platform's: a package is never asked what it would like to be trusted with. Each is a
function of tensors and numbers alone; none opens a file, draws a number or calls back into Python.
"""

from __future__ import annotations

_ATEN = """
    abs.default add.Scalar add.Tensor addmm.default adaptive_avg_pool1d.default
    adaptive_avg_pool2d.default all.dim amax.default amin.default any.dim arange.default argmax.default
    avg_pool1d.default avg_pool2d.default baddbmm.default batch_norm.default bitwise_and.Tensor
    bitwise_not.default bitwise_or.Tensor bmm.default cat.default celu.default chunk.default
    clamp.default clamp_max.default clamp_min.default clone.default constant_pad_nd.default
    conv1d.default conv2d.default conv2d.padding conv1d.padding cos.default cumsum.default
    detach.default div.Scalar div.Tensor dropout.default einsum.default elu.default embedding.default
    embedding_bag.padding_idx eq.Scalar eq.Tensor erf.default exp.default expand.default
    expand_as.default feature_dropout.default flatten.using_ints floor.default full.default
    full_like.default gather.default ge.Scalar ge.Tensor gelu.default glu.default group_norm.default
    gt.Scalar gt.Tensor gru.input hardsigmoid.default hardswish.default hardtanh.default
    index.Tensor index_select.default instance_norm.default isfinite.default isnan.default
    layer_norm.default lift_fresh_copy.default le.Scalar le.Tensor leaky_relu.default linear.default log.default log1p.default
    log_sigmoid.default log_softmax.int logical_and.default logical_not.default logical_or.default
    logsumexp.default lstm.input lt.Scalar lt.Tensor masked_fill.Scalar matmul.default max.default
    max.dim max.other max_pool1d.default max_pool2d.default maximum.default mean.default mean.dim
    min.default min.dim min.other minimum.default mish.default mm.default mul.Scalar mul.Tensor
    mv.default nan_to_num.default narrow.int ne.Scalar ne.Tensor neg.default new_full.default
    new_ones.default new_zeros.default norm.ScalarOpt_dim ones.default ones_like.default
    one_hot.default outer.default pad.default permute.default pow.Scalar pow.Tensor_Scalar
    pow.Tensor_Tensor prelu.default prod.dim_int reciprocal.default relu.default relu6.default
    repeat.default reshape.default rms_norm.default round.default rsqrt.default rsub.Scalar
    scalar_tensor.default scaled_dot_product_attention.default select.int selu.default
    sigmoid.default sign.default silu.default sin.default slice.Tensor softmax.int softplus.default
    split.Tensor split_with_sizes.default sqrt.default square.default squeeze.default squeeze.dim
    squeeze.dims stack.default std.dim sub.Scalar sub.Tensor sum.default sum.dim_IntList
    sym_size.int t.default tan.default tanh.default threshold.default to.device to.dtype
    to.dtype_layout topk.default transpose.int type_as.default unbind.int unflatten.int
    unsqueeze.default var.dim view.default where.ScalarOther where.ScalarSelf where.self
    where.Scalar zeros.default zeros_like.default _assert_tensor_metadata.default
    _assert_scalar.default _to_copy.default contiguous.default sym_constrain_range_for_size.default
"""

ALLOWED_OPERATORS = frozenset(
    {f"torch.ops.aten.{one}" for one in _ATEN.split()} | {"_operator.getitem"}
)
"""As graphs spell them: `torch.ops.aten.linear.default`. `getitem` takes one of several results."""
