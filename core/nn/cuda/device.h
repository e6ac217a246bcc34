/* The first lines of every source for the device: how philox.h is compiled there. */
#define NN_PHILOX_FUNCTION static __device__ __forceinline__
