import java.math.*;

public class BigNumbers {
    public static void main(String[] args) {
        BigInteger n = BigInteger.TWO.pow(127).subtract(BigInteger.ONE);
        System.out.println(n + " " + n.isProbablePrime(20));
        System.out.println(new BigDecimal("1").divide(new BigDecimal("7"), new MathContext(40)));
        System.out.println(Integer.MAX_VALUE + 1 + " " + Math.floorMod(-7, 3) + " " + (char) ('a' + 1));
    }
}
